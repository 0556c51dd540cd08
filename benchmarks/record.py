"""Figures of the benchmarks as JSON, one entry for each part, and the plot of all of them."""

from __future__ import annotations

import json
import os
import platform
import sys
from typing import Any

import numpy as np

from benchmarks.command import ROOT

__all__ = ["RESULTS", "one_core", "record"]

RESULTS = ROOT / "benchmarks" / "results.json"


def one_core() -> None:
    """Keeps this process, and GL in software within it, to one core, as a worker of several has.

    To be called before GL starts.
    """
    os.environ["LP_NUM_THREADS"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def record(part: str, figures: Any, *, renderer: str = "") -> None:
    """Puts the figures of one part into `RESULTS`, beside those of the others, and plots all.

    Args:
        part: Name of the benchmark; what it recorded before is replaced.
        figures: What JSON holds, numbers of numpy too.
        renderer: As GL names itself.

    """
    from benchmarks.plot import write_plot

    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    known[part] = {
        "command": " ".join(["python -m", f"benchmarks.{part}", *sys.argv[1:]]),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        # More than the cores: others were at work, and seconds by the clock are too long.
        "load": round(os.getloadavg()[0], 1),
        "renderer": renderer,
        "figures": figures,
    }
    text = json.dumps(known, indent=1, sort_keys=True, default=_plain) + "\n"
    RESULTS.write_text(text, encoding="utf-8")
    write_plot(json.loads(text))


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return round(float(value), 4)
    raise TypeError(f"{type(value).__name__} is not for JSON")
