"""`python -m render.finish DIR [OTHER ...]`: completes a dataset whose parts have been rendered.

Shards that DIR lacks are taken from the OTHER folders, by links where the disk has them; DIR may be
a new folder. Nothing is drawn. What is missing is named, and then nothing is completed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from render.config.trust import plugins_among
from render.errors import RenderError
from render.system.console import command_parser, run_command, say
from render.system.interrupts import importing
from render.system.stores import folder_of

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if the dataset cannot be completed."""
    with importing():
        from render.job.finish import finish
        from render.job.replay import ASSET_DIRS
    parser = command_parser(__doc__, "datasets/bolts", "datasets/all part_a part_b")
    parser.add_argument(
        "dir", type=folder_of, metavar="DIR", help="where the dataset is or is to be, or its URL"
    )
    parser.add_argument(
        "others", nargs="*", metavar="OTHER",
        help="folders of other parts of it; plugins=[PACKAGE] are packages with classes of your "
        "own that it was made with: their code runs",
    )  # fmt: skip
    for name in ASSET_DIRS:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=Path, help="where they are now, if not where they were")
    args = parser.parse_intermixed_args(argv)
    others, plugins = plugins_among(args.others, parser)
    moved = {name: path for name in ASSET_DIRS if (path := getattr(args, name)) is not None}
    try:
        summary = finish(args.dir, list(map(Path, others)), asset_dirs=moved, plugins=plugins)
    except RenderError as error:
        sys.exit(f"error: {error}")
    say(summary.text())


if __name__ == "__main__":
    run_command(main)
