"""`santral` and `python -m santral`: the command line."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""128 + SIGINT, as shells and `make` expect it."""


def main() -> None:
    """Run a command; errors of ours are one sentence on stderr and an exit code that means something."""
    from santral.errors import SantralError

    try:
        from santral.cli import cli  # takes about a second: Ctrl-C meanwhile shows no traceback either

        cli()
    except SantralError as error:
        sys.stderr.write(f"santral: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise  # no file that somebody named: a fault of ours, whose place must be seen
        sys.stderr.write(f"santral: {error.filename}: {error.strerror}. Name another place, or mend its rights\n")
        sys.exit(SantralError.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
