"""Measurements: ``python -m bench core``. README.md says how to read them."""
