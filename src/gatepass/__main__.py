"""`python -m gatepass` is the `gatepass` command."""

from gatepass.cli import main

if __name__ == "__main__":
    main()
