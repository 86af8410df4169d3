"""The stand-alone server: accounts, pages and the HTTP contract, for applications in any language."""
