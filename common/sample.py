"""The former name of the command `python -m common.data.synthetic`."""

import sys

from common.data.synthetic.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
