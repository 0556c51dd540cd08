"""A command as ever, but that entries of the manifest are put together early: four shards a block,
and at once.

python -m tests.e2e.small_blocks render.run ...
"""

from __future__ import annotations

import runpy
import sys

from render.dataset import manifest

manifest.BLOCK_SHARDS = 4
from render.dataset import shards  # noqa: E402  with blocks of that size

shards.PACE_WINDOW_S = 0.0

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
