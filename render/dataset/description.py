"""dataset.yaml: what a dataset is and what was counted in it. It is written last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import yaml

from render.dataset.description_form import broken_rules, missing_keys
from render.dataset.frame_view import LabelNames
from render.dataset.layout import DESCRIPTION
from render.dataset.manifest import FORMAT_VERSION
from render.dataset.sharding import SHARD_FRAMES, Sharding
from render.errors import ConfigError, DatasetError
from render.sample import SampleKey
from render.sampling.top_up import TopUp, top_ups_of
from render.sampling.views import views_of
from render.system.plain_data import read_regular, yaml_of
from render.system.stores import Folder

__all__ = ["Description", "read_description"]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Description:
    """What dataset.yaml says.

    Attributes:
        format_version: Version of the layout of the files in the folder.
        sharding: How its frames are divided into shards.
        unit_m: Metres per unit of each model's file, by the model's name.
        models: The entry of each model, by its name.
        counts: ``frames train val instances filtered``, as written.
        config: The resolved config of the run.
        output: What was written, as the file says it apart from the config.
        views: Frames that show one scene.
        obb: Whether labels have oriented boxes.
        min_px: Targets of fewer visible pixels are left out of the annotations.
        min_visib_fract: Likewise, of a smaller visible share.
        raw: The whole file.

    """

    format_version: int
    n_frames: int
    sharding: Sharding
    val_fraction: float
    views: int
    negatives_fract: float
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
            ConfigError: An entry of ``top_ups`` breaks its rule, or ``viewpoint.views``.

        """
        held = raw if isinstance(raw, dict) else {}
        if missing := missing_keys(held):
            raise ValueError(f"it lacks {', '.join(missing)}")
        if broken := next(broken_rules(held), None):
            raise ValueError(broken)
        version = held.get("format_version", 1)
        if version > FORMAT_VERSION:
            raise ValueError(f"format_version is {version!r}, known here are 1 to {FORMAT_VERSION}")
        labels = held["config"]["labels"]
        models = {entry["name"]: entry for entry in held["models"]}
        return cls(
            format_version=version,
            n_frames=held["n_frames"],
            sharding=Sharding(held.get("shard_frames", SHARD_FRAMES)),
            val_fraction=float(held["val_fraction"]),
            views=views_of(held["config"]),
            negatives_fract=float(held["config"].get("negatives_fract", 0)),
            names=LabelNames(
                categories=tuple(held["categories"]),
                keypoints=_keypoints(models),
            ),
            unit_m={e["name"]: float(e["unit_m"]) for e in (*held["models"], *held["distractors"])},
            models=models,
            counts=held["counts"],
            rejections=held["rejections"],
            reached=held["reached"],
            config=held["config"],
            output=held["output"],
            depth_unit_m=float(held["depth_unit_m"]),
            obb=labels["obb"],
            min_px=labels["min_px"],
            min_visib_fract=float(labels["min_visib_fract"]),
            top_ups=top_ups_of(held.get("top_ups", [])),
            raw=held,
        )

    def key_of(self, frame_idx: int) -> SampleKey:
        """Split and name of a frame."""
        return SampleKey.of(frame_idx, self.val_fraction, self.views)

    def text(self) -> str:
        """The file."""
        return str(yaml.safe_dump(dict(self.raw), sort_keys=False, allow_unicode=True))


def read_description(folder: Folder) -> Description:
    """Reads dataset.yaml, without which nothing else can be said of a dataset.

    Raises:
        DatasetError: The folder is missing, or the file is missing, torn or lacks a key.

    """
    path = folder / DESCRIPTION
    if not folder.is_dir():
        raise DatasetError(f"a dataset must be a folder that is there, got {folder}")
    try:
        return Description.of(yaml_of(read_regular(path)))
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


def _keypoints(models: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Names of the keypoints of each category that has some."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in models.values():
        for category in entry.get("states") or [entry["category"]]:
            if entry.get("keypoints") and category not in found:
                found[category] = tuple(entry["keypoints"])
    return found
