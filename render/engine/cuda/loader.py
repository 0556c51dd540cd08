"""Warp itself: imported at use, with a device on which its kernels run."""

from __future__ import annotations

import importlib
import shutil
import tempfile
import weakref
from functools import cache
from typing import Any

from render.errors import EngineError
from render.kernels.compiled import kept_code

__all__ = ["device_of", "load_warp"]


@cache
def load_warp() -> Any:
    """The module ``warp``, started.

    Raises:
        EngineError: Warp is not installed.

    """
    try:
        wp = importlib.import_module("warp")
    except ImportError as error:
        raise EngineError(
            f"engine=cuda needs NVIDIA Warp ({error}): pip install 'render-theta[cuda]'"
        ) from error
    wp.config.log_level = wp.LOG_ERROR
    # What it compiles is loaded from a folder alone that nobody else can write to.
    folder = kept_code()
    if folder is None:
        own = tempfile.mkdtemp(prefix="render-warp-")
        weakref.finalize(wp, shutil.rmtree, own, ignore_errors=True)
        wp.config.kernel_cache_dir = own
    else:
        wp.config.kernel_cache_dir = str(folder / "warp")
    wp.init()
    return wp


def device_of(wp: Any, device: str | int) -> Any:
    """The `warp.Device` that ``engine.device`` names.

    Raises:
        EngineError: There is none.

    """
    if str(device) == "cpu":
        return wp.get_device("cpu")
    count = wp.get_cuda_device_count()
    if count == 0:
        raise EngineError(
            "engine=cuda needs an NVIDIA GPU, and CUDA finds none here: take engine=cpu "
            "(engine.device=cpu runs the kernels of engine=cuda without a GPU, to test them)"
        )
    numbers = [str(k) for k in range(count)]
    if str(device) not in ("auto", *numbers):
        raise EngineError(
            f"engine.device must be one of auto, {', '.join(numbers)}, cpu, got {device}"
        )
    return wp.get_device("cuda:0" if str(device) == "auto" else f"cuda:{device}")
