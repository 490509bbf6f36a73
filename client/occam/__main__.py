"""`python -m occam` is `occam`."""

from occam.cli import main

if __name__ == "__main__":
    main()
