"""`python -m render.run [overrides]`: the main job, and with ``-m`` a sweep of them."""

from __future__ import annotations

import signal
import sys

from render.job.task import INTERRUPTED, run_words
from render.system.interrupts import interrupt_on

__all__ = ["main"]


def main() -> None:
    """Entry point; exits with 1 if any job failed."""
    interrupt_on((signal.SIGTERM, signal.SIGHUP))
    try:
        has_succeeded = run_words(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0 if has_succeeded else 1)


if __name__ == "__main__":
    main()
