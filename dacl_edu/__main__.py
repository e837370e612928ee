"""``python -m dacl_edu``: the command line, also where the installed command cannot start (its folder was moved)."""

import sys

from dacl_edu.cli import main

if __name__ == "__main__":
    sys.argv[0] = "dacl-edu"  # what a run keeps as the command that made it
    main()
