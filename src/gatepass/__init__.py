"""Sessions, JWTs and the hybrid of both, behind one API."""

__version__ = "0.1.0.dev0"
