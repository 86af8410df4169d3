"""The decoder: a page that is one file, asks for nothing after it, and works from a disk."""
