"""Start the command line for `santral` and `python -m santral`."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells and `make` expect it."""


def run_cli() -> None:
    """Run a command. An error of Santral becomes one sentence on stderr with its exit code."""
    from santral.errors import SantralError
    from santral.shell.quick_answers import find_answer

    # 1. Help, version and completion come from a file: they must not wait for what only a command needs.
    answer = find_answer(sys.argv[1:])
    if answer is not None:
        sys.stdout.write(answer[0])
        sys.exit(answer[1])
    # The console needs rich, which no help needs.
    from drawing.console_output import JSON_OUTPUT, PLAIN
    from santral.shell.command_tree import CommandTree

    # 2. Options that many commands have.
    rest, plain, as_json = CommandTree.read_file().take_output_options(sys.argv[1:])
    sys.argv[1:] = rest
    if plain:
        os.environ[PLAIN] = "1"
    if as_json:
        JSON_OUTPUT.begin_output()
    # 3. Run the command.
    try:
        # Imported inside, because it takes about a second, and Ctrl-C must not show a traceback then.
        from santral.cli import cli

        cli()
    except SantralError as error:
        sys.stderr.write(f"santral: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            # No file that the user named, so it is a fault of Santral. The traceback must be seen.
            raise
        sys.stderr.write(f"santral: {error.filename}: {error.strerror}. Name another place, or fix its permissions\n")
        sys.exit(SantralError.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    run_cli()
