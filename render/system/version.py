"""The version of this package, where every layer may ask for it."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
