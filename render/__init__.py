"""CAD and 3D models in, exactly labelled training images out.

What is listed in ``__all__`` is the interface for other programs, described in docs/api.md. It is
imported when it is first asked for, so that ``import render`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from render.system.version import __version__

if TYPE_CHECKING:
    from render.api import compose, frames, open, stream, write
    from render.dataset.frame import Frame
    from render.dataset.reader import Dataset
    from render.errors import (
        AssetError,
        ConfigError,
        DatasetError,
        EngineError,
        InvariantError,
        RenderError,
        UnrealisableError,
    )
    from render.plan import Plan
    from render.sample import Sample
    from render.scene import Scene

__all__ = [
    "AssetError",
    "ConfigError",
    "Dataset",
    "DatasetError",
    "EngineError",
    "Frame",
    "InvariantError",
    "Plan",
    "RenderError",
    "Sample",
    "Scene",
    "UnrealisableError",
    "__version__",
    "compose",
    "frames",
    "open",
    "stream",
    "write",
]

_OWNERS = {
    "render.api": ("compose", "frames", "open", "stream", "write"),
    "render.dataset.frame": ("Frame",),
    "render.dataset.reader": ("Dataset",),
    "render.errors": tuple(name for name in __all__ if name.endswith("Error")),
    "render.plan": ("Plan",),
    "render.sample": ("Sample",),
    "render.scene": ("Scene",),
}
_MODULES = {name: module for module, names in _OWNERS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
