"""`python -m render.show MODEL [KEY=VALUE ...]`: one picture of a model from eight sides.

With axes, size and rulers, so that one sees at once whether it came in right. Keys are those of
render.run, such as engine=mitsuba.
"""

from __future__ import annotations

import sys
from pathlib import Path

from render.errors import RenderError
from render.system.console import command_parser, run_command, say
from render.system.interrupts import importing

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if the model cannot be shown."""
    parser = command_parser(__doc__, "bolt", "cad/flange.step -o flange.png engine=mitsuba")
    parser.add_argument("-o", "--out", type=Path, help="PNG file (default: <stem>_show.png here)")
    parser.add_argument(
        "--models-dir",
        type=Path,
        metavar="DIR",
        help="default: ./assets/models, or the starter set",
    )
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="presets of your own")
    parser.add_argument(
        "words",
        nargs="+",
        metavar="MODEL",
        help="path of a file, or a name or stem of the models folder",
    )
    args = parser.parse_intermixed_args(argv)
    with importing():
        from render.build import check_leaves, start_engine
        from render.config.run_config import RunConfig
        from render.config.words import config_of, split_words
        from render.report.show import show, write_sheet
        from render.system.paths import find_assets
        from render.writers.chosen import unknown_key
    own, words = split_words(args.words)
    if len(own) != 1:
        parser.error(f"name one MODEL, got {' '.join(own) or 'none'}")
    try:
        config = config_of(words, config_dir=args.config_dir, explain=unknown_key)
        run = RunConfig.of(config)
        check_leaves(config)
        folder = args.models_dir or run.assets.models_dir or find_assets("models")
        shown = show(own[0], folder, engine=lambda: start_engine(config, run))
        out: Path = args.out or Path(f"{shown.stem}_show.png")
        write_sheet(out, shown.sheet)
    except RenderError as error:
        sys.exit(f"error: {error}")
    say(f"{shown.text}\nwritten: {out}")


if __name__ == "__main__":
    run_command(main)
