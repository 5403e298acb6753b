"""`santral` and `python -m santral`: the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command; errors of ours are one sentence on stderr and an exit code that means something."""
    from santral.cli import cli
    from santral.errors import SantralError

    try:
        cli()
    except SantralError as error:
        sys.stderr.write(f"santral: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
