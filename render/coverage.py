"""`python -m render.coverage DIR`: which view directions, sizes and occlusions are thin.

Counts what the labels say of each frame's principal target, prints the bins that hold less than
half of what is expected, the worst first, and draws all of them to `coverage.png` in the dataset.
"""

from __future__ import annotations

import sys

from render.config.quoting import typed
from render.config.trust import add_plugins_argument, import_plugins
from render.errors import RenderError
from render.system.console import command_parser, run_command, say
from render.system.interrupts import importing
from render.system.stores import folder_of

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if there is nothing to count, and with 0 if bins are thin."""
    parser = command_parser(__doc__, "datasets/bolts", "datasets/bolts --all")
    parser.add_argument("dir", type=folder_of, metavar="DIR", help="a dataset, or its URL")
    parser.add_argument("--all", action="store_true", help="print bins that are not thin, too")
    add_plugins_argument(parser)
    args = parser.parse_intermixed_args(argv)
    with importing():
        from render.dataset.layout import COVERAGE
        from render.report.coverage import read_coverage
        from render.report.coverage_plot import write_coverage
    picture = args.dir / COVERAGE
    try:
        import_plugins(args.plugins)
        coverage = read_coverage(args.dir, plugins=args.plugins)
        # First of all the text: a folder that cannot be written to has it as well.
        say(coverage.text(all_bins=args.all))
        write_coverage(coverage, picture)
    except RenderError as error:
        sys.exit(f"error: {error}")
    say(f"\ndrawn       {picture}")
    if thin := coverage.thin():
        word = f" plugins=[{','.join(args.plugins)}]" if args.plugins else ""
        top_up = typed("top_up", str(args.dir))
        say(f"top up      python -m render.run {top_up} n_frames={len(thin)}{word}")


if __name__ == "__main__":
    run_command(main)
