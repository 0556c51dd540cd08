"""A contact sheet of a dataset, from what is on disk."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_preview"]


def write_preview(dataset_dir: Path, path: Path) -> None:
    """Writes the contact sheet."""
    raise NotImplementedError
