"""`python -m render [COMMAND ...]`, and `render COMMAND ...`: one of the commands by its name."""

from __future__ import annotations

import difflib
import importlib
import sys

from render.config.help import page
from render.system.console import complain, run_command, say

__all__ = ["COMMANDS", "main"]

COMMANDS = ("run", "status", "finish", "doctor", "show", "verify", "replay", "coverage")
"""Each is a module of this package with a function `main`."""


def main() -> None:
    """Runs a command as `python -m render.COMMAND` does; without one, says what there is."""
    name, arguments = (sys.argv[1:2] or ["--help"])[0], sys.argv[2:]
    if name in ("-h", "--help"):
        say(f"python -m render COMMAND ...: {', '.join(COMMANDS)}; each has --help\n\n{page()}")
        return
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        complain(f"error: COMMAND must be one of {', '.join(COMMANDS)}, got {name}{hint}")
        sys.exit(2)
    importlib.import_module(f"render.{name}").main(arguments)


def command() -> None:
    """The console script `render`."""
    run_command(main)


if __name__ == "__main__":
    command()
