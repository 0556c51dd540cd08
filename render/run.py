"""`python -m render.run [KEY=VALUE ...]`: renders a dataset, and with ``-m`` a sweep of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from render.config.help import page
from render.errors import ConfigError
from render.system.console import complain, run_command, say
from render.system.interrupts import importing

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if any job failed."""
    parser = argparse.ArgumentParser("python -m render.run", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-cd", "--config-dir", type=Path)
    parser.add_argument("-m", "--multirun", action="store_true")
    asked, words = parser.parse_known_args(argv)
    if asked.help:
        try:
            say(page(asked.config_dir))
        except ConfigError as error:
            sys.exit(f"error: {error}")
        return
    # Here, because it takes seconds to import all that draws, and help should be there at once.
    with importing():
        from render.config.composition import split_options
        from render.job.task import run_words

    own = ["--multirun"] if asked.multirun else []
    own += ["--config-dir", str(asked.config_dir)] if asked.config_dir else []
    try:
        options, words = split_options(words)
    except ConfigError as error:
        complain(f"error: {error}")
        sys.exit(2)
    sys.exit(0 if run_words(words, [*own, *options]) else 1)


if __name__ == "__main__":
    run_command(main)
