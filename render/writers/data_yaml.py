"""`data.yaml`: what ultralytics opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

__all__ = ["write_data_yaml"]


def write_data_yaml(
    path: Path, *, categories: Sequence[str], keypoints: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Writes the file that names both splits and the categories, ids from 0.

    It has no `path` key: ultralytics then starts from the file's own folder, and the
    dataset can be moved.

    Args:
        path: Of the file.
        categories: Names in the order of their ids.
        keypoints: Of label files with keypoints: their names, of each category that has some.

    """
    content: dict[str, Any] = {
        "train": "images/train",
        "val": "images/val",
        "nc": len(categories),
        "names": dict(enumerate(categories)),
    }
    if keypoints is not None:
        content["kpt_shape"] = [max(map(len, keypoints.values())), 3]
        content["kpt_names"] = {
            i: list(keypoints.get(name, ())) for i, name in enumerate(categories)
        }
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
