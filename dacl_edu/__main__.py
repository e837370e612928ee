"""``python -m dacl_edu``: the command line where the installed command cannot start, as after a move."""

import sys

from dacl_edu.cli import main

if __name__ == "__main__":
    sys.argv[0] = "dacl-edu"  # what a run keeps as the command that made it
    main()
