"""The rules, without the world: nothing here does I/O, reads a clock or draws randomness."""
