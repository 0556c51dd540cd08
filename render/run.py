"""`python -m render.run [KEY=VALUE ...]`: renders a dataset, and with ``-m`` a sweep of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from render.config.help import page
from render.system.console import say

__all__ = ["main"]


def main() -> None:
    """Entry point; exits with 1 if any job failed."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-cd", "--config-dir", type=Path)
    asked, _ = parser.parse_known_args()
    if asked.help:
        say(page(asked.config_dir))
        return
    # Here, because it takes seconds to import all that draws, and help should be there at once.
    from render.job.command import run_command

    run_command()


if __name__ == "__main__":
    main()
