"""Versions of this package and of others, where every layer may ask for them."""

from __future__ import annotations

__all__ = ["LIBRARIES", "__version__", "version_of"]

__version__ = "0.1.0"

LIBRARIES = (
    "render", "numpy", "opencv-python-headless", "trimesh", "pyrender", "moderngl", "pycocotools",
    "pyarrow", "scipy", "cascadio", "pillow",
)  # fmt: skip
"""What decides the bytes of a frame beside its config, and is recorded with a dataset."""


def version_of(name: str) -> str:
    """The version of an installed package, ``render`` among them; ``none``: it is not here."""
    # Here, because ``import render`` reads this file and should cost nothing.
    import importlib.metadata

    if name == "render":
        return __version__
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"
