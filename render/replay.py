"""`python -m render.replay DIR FRAME`: renders a frame again from its record and compares.

Nothing is drawn and nothing is searched: θ and the placement come from the record. The
frame equals the stored one when all of its files and records are the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from render.config.trust import add_plugins_argument
from render.errors import RenderError
from render.system.console import command_parser, run_command, say
from render.system.interrupts import importing
from render.system.stores import folder_of

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if the frame differs or cannot be rendered."""
    with importing():
        from render.job.replay import ASSET_DIRS, replay
    parser = command_parser(__doc__, "datasets/bolts 42", "datasets/bolts 42 -o again")
    parser.add_argument("dir", type=folder_of, metavar="DIR", help="a dataset, or its URL")
    parser.add_argument("frame", type=int, metavar="FRAME", help="frame_idx")
    parser.add_argument("-o", "--out", type=Path, help="folder for the new files")
    for name in ASSET_DIRS:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=Path, help="where they are now, if not where they were")
    add_plugins_argument(parser)
    args = parser.parse_intermixed_args(argv)
    moved = {name: path for name in ASSET_DIRS if (path := getattr(args, name)) is not None}
    try:
        differences = replay(
            args.dir, args.frame, out=args.out, asset_dirs=moved, plugins=args.plugins
        )
    except RenderError as error:
        sys.exit(f"error: {error}")
    if differences:
        sys.exit("\n".join([f"frame {args.frame} differs:", *differences]))
    say(f"frame {args.frame} equals the stored one, byte for byte")


if __name__ == "__main__":
    run_command(main)
