"""`python -m render.status DIR`: says how far a dataset is, who is at it, and when it will end.

It reads the manifest and looks at the locks; it changes nothing, and may be asked at any time.
"""

from __future__ import annotations

import json
import sys

from render.errors import RenderError
from render.system.console import command_parser, run_command, say
from render.system.interrupts import importing
from render.system.stores import folder_of

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if there is no dataset."""
    parser = command_parser(__doc__, "datasets/bolts", "datasets/bolts --json")
    parser.add_argument(
        "dir", type=folder_of, metavar="DIR", help="a dataset, complete or not, or its URL"
    )
    parser.add_argument("--json", action="store_true", help="the same for programs")
    args = parser.parse_args(argv)
    with importing():
        from render.job.status import status_of
    try:
        status = status_of(args.dir)
    except RenderError as error:
        sys.exit(f"error: {error}")
    say(json.dumps(status.as_dict(), indent=1) if args.json else status.text())


if __name__ == "__main__":
    run_command(main)
