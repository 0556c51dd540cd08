"""`python -m render.run [KEY=VALUE ...]`: renders a dataset, and with ``-m`` a sweep of them."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from render.config.help import page
from render.system.console import say
from render.system.interrupts import interrupt_on

__all__ = ["main"]


def main() -> None:
    """Entry point; exits with 1 if any job failed."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-cd", "--config-dir", type=Path)
    parser.add_argument("-m", "--multirun", action="store_true")
    asked, words = parser.parse_known_args()
    if asked.help:
        say(page(asked.config_dir))
        return
    # Here, because it takes seconds to import all that draws, and help should be there at once.
    from render.job.task import INTERRUPTED, run_words

    # Hydra wants all values together, and takes options before them.
    options = ["--multirun"] if asked.multirun else []
    options += ["--config-dir", str(asked.config_dir)] if asked.config_dir else []
    sys.argv[1:] = [*options, *words]
    interrupt_on((signal.SIGTERM, signal.SIGHUP))
    try:
        has_succeeded = run_words(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0 if has_succeeded else 1)


if __name__ == "__main__":
    main()
