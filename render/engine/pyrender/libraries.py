"""Shared libraries of the system, found at use."""

from __future__ import annotations

import ctypes

from render.errors import EngineError

__all__ = ["first_library"]


def first_library(*names: str) -> ctypes.CDLL:
    """The first of these that can be loaded.

    Raises:
        EngineError: None can.

    """
    broken = ""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            # One that is there and cannot be loaded is told as such.
            if "cannot open shared object file" not in str(error):
                broken = broken or f"{name} cannot be loaded: {error}"
    raise EngineError(broken or f"{names[0]} is not installed")
