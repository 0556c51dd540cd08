"""Mitsuba itself: imported at use, in the fastest of its variants that works here."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any

from render.errors import EngineError

__all__ = ["load_mitsuba"]

_FAST, _PLAIN = "llvm_ad_rgb", "scalar_rgb"
# Older ones end the whole process at instructions that they do not know.
_LEAST_LLVM = 17
_LLVM_PATH = "DRJIT_LIBLLVM_PATH"
_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/opt/homebrew/opt/llvm/lib",
)


def load_mitsuba(variant: str = "auto") -> Any:
    """The module ``mitsuba``, with its variant set.

    Args:
        variant: ``auto`` is `llvm_ad_rgb` where LLVM 17 or newer is found (the environment
            variable ``DRJIT_LIBLLVM_PATH`` names another place), else `scalar_rgb`.

    Raises:
        EngineError: Mitsuba is not installed, or has no such variant.

    """
    if variant == "auto":
        variant = _FAST if _points_to_llvm() else _PLAIN
    try:
        mi = importlib.import_module("mitsuba")
    except ImportError as error:
        raise EngineError(
            f"engine=mitsuba needs Mitsuba 3 ({error}): in the checkout "
            "scripts/setup --all-extras, or pip install 'render-theta[mitsuba]'"
        ) from error
    if variant not in mi.variants():
        raise EngineError(
            f"engine.variant must be auto or one of {', '.join(mi.variants())}, got {variant}"
        )
    mi.set_variant(variant)
    return mi


def _points_to_llvm() -> bool:
    """Sees to it that the JIT compiler finds a usable LLVM; False where there is none."""
    named = os.environ.get(_LLVM_PATH)
    if named is not None:
        return _version(Path(named)) >= _LEAST_LLVM
    found = [p for folder in _FOLDERS for p in Path(folder).glob("libLLVM*.so*")]
    found += Path("/usr/lib").glob("llvm-*/lib/libLLVM*.so*")
    best = max(found, key=lambda p: (_version(p), str(p)), default=None)
    if best is None or _version(best) < _LEAST_LLVM:
        return False
    os.environ[_LLVM_PATH] = str(best)
    return True


def _version(library: Path) -> int:
    """Major version by the file's name; 0 where it is no LLVM."""
    number = re.search(r"libLLVM(?:-|\.so\.|\.)(\d+)", library.resolve().name)
    return int(number[1]) if number and library.exists() else 0
