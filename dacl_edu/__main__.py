"""``dacl-edu``, and ``python -m dacl_edu``: also where the installed command cannot start (its folder was moved)."""

import sys


def main() -> None:
    """Start the command line; Ctrl-C while it is imported is quiet."""
    try:
        from dacl_edu.cli import main as command
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    command()


if __name__ == "__main__":
    sys.argv[0] = "dacl-edu"  # what a run keeps as the command that made it
    main()
