"""`data.yaml`: what ultralytics opens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

__all__ = ["write_data_yaml"]


def write_data_yaml(path: Path, *, categories: Sequence[str]) -> None:
    """Writes the file that names both splits and the categories, ids from 0.

    It has no `path` key: ultralytics then starts from the file's own folder, and the
    dataset can be moved.
    """
    content = {
        "train": "images/train",
        "val": "images/val",
        "nc": len(categories),
        "names": dict(enumerate(categories)),
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
