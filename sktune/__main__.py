"""``python -m sktune``."""

import sys

from sktune.cli import main

if __name__ == "__main__":
    sys.exit(main())
