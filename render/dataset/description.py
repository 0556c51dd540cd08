"""dataset.yaml: what a dataset is and what was counted in it. It is written last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import yaml

from render.dataset.frame_view import LabelNames
from render.dataset.layout import DESCRIPTION
from render.dataset.manifest import FORMAT_VERSION
from render.errors import ConfigError, DatasetError
from render.sample import SampleKey
from render.sampling.top_up import TopUp, top_ups_of
from render.system.documents import read_yaml

__all__ = ["Description", "read_description"]

_FRAMES_END = 10**8  # file names have eight digits
_NUMBER = (int, float)
_NEEDED: Mapping[str, type | tuple[type, ...]] = {
    "config": dict, "asset_dirs": dict, "models": list, "gl": dict, "versions": dict,
    "distractors": list, "fixtures": list, "n_frames": int, "seed": int, "val_fraction": _NUMBER,
    "categories": list, "depth_unit_m": _NUMBER, "config_sha256": str, "output": dict,
    "counts": dict, "rejections": dict, "reached": dict,
}  # fmt: skip
_NEEDED_WITHIN: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "asset_dirs": dict.fromkeys(
        ("models_dir", "environments_dir", "backgrounds_dir", "textures_dir"), str
    ),
    "gl": {"renderer": str, "version": str},
    "config": {"assets": dict, "labels": dict, "output": dict},
    "counts": {"frames": int, "train": int, "val": int, "instances": dict, "filtered": dict},
}
_LABEL_KEYS = ("obb", "min_px", "min_visib_fract")
_NEEDED_EACH: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "models": {"name": str, "sha256": str, "category": str, "unit_m": _NUMBER},
    "distractors": {"name": str, "sha256": str, "unit_m": _NUMBER},
    "fixtures": {"name": str, "sha256": str},
}


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Description:
    """What dataset.yaml says.

    Attributes:
        format_version: Version of the layout of the files in the folder.
        unit_m: Metres per unit of each model's file, by the model's name.
        models: The entry of each model, by its name.
        counts: ``frames train val instances filtered``, as written.
        config: The resolved config of the run.
        output: What was written, as the file says it apart from the config.
        obb: Whether labels have oriented boxes.
        min_px: Targets of fewer visible pixels are left out of the annotations.
        min_visib_fract: Likewise, of a smaller visible share.
        raw: The whole file.

    """

    format_version: int
    n_frames: int
    val_fraction: float
    names: LabelNames
    unit_m: Mapping[str, float]
    models: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, Any]
    rejections: Mapping[str, int]
    reached: Mapping[str, Mapping[str, Any]]
    config: Mapping[str, Any]
    output: Mapping[str, Any]
    depth_unit_m: float
    obb: bool
    min_px: int
    min_visib_fract: float
    top_ups: tuple[TopUp, ...]
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, raw: Any) -> Description:
        """Checks what a file holds.

        Raises:
            ValueError: It lacks something, or something in it cannot be read.
            ConfigError: An entry of ``top_ups`` breaks its rule.

        """
        held = raw if isinstance(raw, dict) else {}
        if missing := [key for key in _NEEDED if key not in held]:
            raise ValueError(f"it lacks {', '.join(missing)}")
        if odd := [*_odd("", held, _NEEDED)] or [*_odd_within(held)]:
            raise ValueError(f"{', '.join(odd)} cannot be read")
        version, n_frames = held.get("format_version", 1), held["n_frames"]
        if version not in range(1, FORMAT_VERSION + 1):
            raise ValueError(f"format_version is {version!r}, known here are 1 to {FORMAT_VERSION}")
        if not 0 < n_frames < _FRAMES_END:
            raise ValueError(f"n_frames is {n_frames}")
        labels = held["config"]["labels"]
        models = {entry["name"]: entry for entry in held["models"]}
        return cls(
            format_version=version,
            n_frames=n_frames,
            val_fraction=float(held["val_fraction"]),
            names=LabelNames(
                categories=tuple(str(name) for name in held["categories"]),
                keypoints=_keypoints(models),
            ),
            unit_m={e["name"]: float(e["unit_m"]) for e in (*held["models"], *held["distractors"])},
            models=models,
            counts=held["counts"],
            rejections=held["rejections"],
            reached={str(name): dict(counts) for name, counts in held["reached"].items()},
            config=held["config"],
            output=held["output"],
            depth_unit_m=float(held["depth_unit_m"]),
            obb=bool(labels["obb"]),
            min_px=int(labels["min_px"]),
            min_visib_fract=float(labels["min_visib_fract"]),
            top_ups=top_ups_of(held.get("top_ups", [])),
            raw=held,
        )

    def key_of(self, frame_idx: int) -> SampleKey:
        """Split and name of a frame."""
        return SampleKey.of(frame_idx, self.val_fraction)

    def text(self) -> str:
        """The file."""
        return str(yaml.safe_dump(dict(self.raw), sort_keys=False, allow_unicode=True))


def read_description(folder: Path) -> Description:
    """Reads dataset.yaml, without which nothing else can be said of a dataset.

    Raises:
        DatasetError: The folder is missing, or the file is missing, torn or lacks a key.

    """
    path = folder / DESCRIPTION
    if not folder.is_dir():
        raise DatasetError(f"a dataset must be a folder that is there, got {folder}")
    try:
        return Description.of(read_yaml(path))
    except FileNotFoundError:
        raise DatasetError(
            f"{path} is missing: the run that makes this dataset has not ended, and the same "
            "command continues it; or this is no dataset"
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, ConfigError) as error:
        raise DatasetError(
            f"{path} is torn: {' '.join(str(error).split())}; the command that made the dataset "
            "writes it anew"
        ) from error


def _odd(prefix: str, held: Any, needed: Mapping[str, type | tuple[type, ...]]) -> Iterator[str]:
    """Keys that are missing or hold something of another type."""
    for key, kind in needed.items():
        value = held.get(key) if isinstance(held, Mapping) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            yield f"{prefix}{key}"


def _odd_within(held: Mapping[str, Any]) -> Iterator[str]:
    for section, needed in _NEEDED_WITHIN.items():
        yield from _odd(f"{section}.", held[section], needed)
    labels = held["config"].get("labels")
    if isinstance(labels, Mapping):
        yield from (f"config.labels.{key}" for key in _LABEL_KEYS if key not in labels)
    for section, needed in _NEEDED_EACH.items():
        if any(True for entry in held[section] for _ in _odd("", entry, needed)):
            yield section
    if not all(isinstance(counts, Mapping) for counts in held["reached"].values()):
        yield "reached"


def _keypoints(models: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Names of the keypoints of each category that has some."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in models.values():
        if entry.get("keypoints") and entry["category"] not in found:
            found[entry["category"]] = tuple(entry["keypoints"])
    return found
