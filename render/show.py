"""`python -m render.show MODEL [words]`: one picture of a model from eight sides.

With axes, size and rulers, so that one sees at once whether it came in right. Words are those of
render.run, such as engine=mitsuba.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from render.build import start_engine
from render.config.run_config import RunConfig
from render.config.words import config_of, split_words
from render.errors import RenderError
from render.report.show import show, write_sheet
from render.system.console import say
from render.system.paths import find_assets
from render.writers.chosen import unknown_key

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if the model cannot be shown."""
    parser = argparse.ArgumentParser(
        prog="python -m render.show", description=__doc__,
        usage="%(prog)s [-h] [-o OUT] [--models-dir DIR] [-cd DIR] MODEL [engine=NAME ...]",
    )  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, help="PNG file (default: <stem>_show.png here)")
    parser.add_argument(
        "--models-dir",
        type=Path,
        metavar="DIR",
        help="default: ./assets/models, or the starter set",
    )
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="presets of your own")
    parser.add_argument(
        "words", nargs="+", help="path of a file, or a name or stem of the models folder"
    )
    args = parser.parse_intermixed_args(argv)
    own, words = split_words(args.words)
    if len(own) != 1:
        parser.error(f"name one MODEL, got {' '.join(own) or 'none'}")
    try:
        config = config_of(words, config_dir=args.config_dir, explain=unknown_key)
        run = RunConfig.of(config)
        folder = args.models_dir or run.assets.models_dir or find_assets("models")
        shown = show(own[0], folder, engine=lambda: start_engine(config, run))
        out: Path = args.out or Path(f"{shown.stem}_show.png")
        write_sheet(out, shown.sheet)
    except RenderError as error:
        sys.exit(f"error: {error}")
    say(f"{shown.text}\nwritten: {out}")


if __name__ == "__main__":
    main()
