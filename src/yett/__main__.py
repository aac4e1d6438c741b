"""`python -m yett` is `yett`."""

from yett.cli import main

if __name__ == "__main__":
    main()
