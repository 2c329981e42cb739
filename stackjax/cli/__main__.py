"""``python -m stackjax.cli``."""

import sys

from stackjax.cli import main

sys.exit(main())
