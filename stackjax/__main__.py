"""``python -m stackjax``, the command line."""

import sys

from stackjax.cli import main

if __name__ == "__main__":
    sys.exit(main())
