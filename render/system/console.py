"""What commands tell the person at the terminal."""

from __future__ import annotations

import argparse
import sys

__all__ = ["command_parser", "say"]


def command_parser(doc: str, *examples: str) -> argparse.ArgumentParser:
    """The parser of a command, so that ``--help`` looks alike for all of them.

    Args:
        doc: The module docstring: the command in single backquotes, a colon and what it does.
        examples: Command lines, the arguments alone.

    """
    command, _, about = doc.strip().partition("`: ")
    usage = command.removeprefix("`")
    prog = " ".join(usage.split()[:3])
    return argparse.ArgumentParser(
        prog=prog,
        usage=usage,
        description=about[0].upper() + about[1:],
        epilog="\n".join(["Examples", *(f"  {prog} {example}".rstrip() for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def say(text: str) -> None:
    """Writes one or more lines to standard output at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
