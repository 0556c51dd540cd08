"""What commands tell the person at the terminal."""

from __future__ import annotations

import sys

__all__ = ["say"]


def say(text: str) -> None:
    """Writes one or more lines to standard output at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
