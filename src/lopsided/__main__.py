"""``python -m lopsided``: the command line, for launchers such as torchrun that start modules."""

import sys

from lopsided.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
