"""Runs the main job as a user would, for the benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Ten objects, nothing in front of them, all of the default outputs and depth.
# What a stock pyrender script can make too: no environment light, nothing under the objects.
TEN_OBJECTS = (
    "objects=scatter",
    "objects.count=10",
    "occlusion=none",
    "background=photo",
    "lighting=sun",
    "sensor=clean",
    "scale.size_px=[uniform,90,160]",
    "objects.size_ratio=[uniform,0.7,1.4]",
    "output.depth=true",
)


def environment() -> dict[str, str]:
    """Finds this checkout from any folder."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def render(output_dir: Path, *overrides: str) -> float:
    """Runs ``python -m render.run`` into a folder; seconds from start to end.

    Raises:
        RuntimeError: It failed; holds what it said.

    """
    command = [sys.executable, "-m", "render.run", f"output_dir={output_dir}", *overrides]
    began_s = time.perf_counter()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - began_s
