"""dataset.yaml as a reader sees it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from render.config.run_config import identity_of, sha256_of
from render.config.sections import MAPS
from render.dataset.manifest import FORMAT_VERSION
from render.errors import ConfigError, DatasetError
from render.report.verify.findings import Findings
from render.sampling.top_up import TopUp, top_ups_of

__all__ = ["FILE", "Description", "check_description", "read_description"]

FILE = "dataset.yaml"
_FRAMES_END = 10**8  # file names have eight digits


@dataclass(frozen=True, eq=False, kw_only=True)
class Description:
    """What dataset.yaml promises.

    Attributes:
        ids_folder: Where the pictures of ids lie, if there are any.
        unit_m: Metres per unit of each model's file, by the model's name.
        models: The entry of each model, by its name.
        counts: ``frames train val instances filtered``, as written.
        raw: The whole file.

    """

    n_frames: int
    val_fraction: float
    categories: tuple[str, ...]
    unit_m: Mapping[str, float]
    models: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, Any]
    rejections: Mapping[str, int]
    reached: Mapping[str, Mapping[str, Any]]
    formats: tuple[str, ...]
    image: str
    yolo: str
    ids: bool
    ids_folder: str
    depth: bool
    depth_unit_m: float
    top_ups: tuple[TopUp, ...]
    maps: tuple[str, ...]
    obb: bool
    min_px: int
    min_visib_fract: float
    raw: Mapping[str, Any]

    def split_of(self, frame_idx: int) -> Literal["train", "val"]:
        """The floor rule: frame i is validation iff floor((i+1)f) > floor(i f)."""
        f = self.val_fraction
        return "val" if math.floor((frame_idx + 1) * f) > math.floor(frame_idx * f) else "train"

    def files_of(self, frame_idx: int) -> tuple[str, ...]:
        """Files that a frame must have, sorted, relative to the dataset."""
        where = f"{self.split_of(frame_idx)}/{frame_idx:08d}"
        present = {
            f"depth/{where}.png": self.depth,
            f"images/{where}.{self.image}": True,
            f"labels/{where}.txt": "yolo" in self.formats,
            f"{self.ids_folder}/{where}.png": self.ids,
            **{f"{name}/{where}.png": True for name in self.maps},
        }
        return tuple(sorted(name for name, is_there in present.items() if is_there))

    def keypoints_of(self, category: str) -> tuple[str, ...]:
        """Names of the keypoints of a category; none where it has none."""
        of_models = (
            tuple(m.get("keypoints", ())) for m in self.models.values() if m["category"] == category
        )
        return next(of_models, ())


def read_description(folder: Path) -> Description:
    """Reads dataset.yaml, without which nothing else can be judged.

    Raises:
        DatasetError: It is missing, torn or lacks a key.

    """
    path = folder / FILE
    if not folder.is_dir():
        raise DatasetError(f"DIR must be the folder of a dataset, got {folder}")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{path} is missing: the run that makes this dataset has not ended, and the same "
            "command continues it; or this is no dataset"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DatasetError(f"{path} is torn: {' '.join(str(error).split())}") from error
    try:
        return _of(raw)
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DatasetError(f"{path} is torn or incomplete: {reason}") from error


def _of(raw: Any) -> Description:
    output, labels, counts = raw["output"], raw["config"]["labels"], raw["counts"]
    raw["config"]["output"]["formats"]
    for name in ("frames", "train", "val", "instances", "filtered"):
        counts[name]
    for name in ("seed", "versions", "gl", "config_sha256", "asset_dirs"):
        raw[name]
    identity_of(raw["config"])
    ids_folder = _ids_folder(raw)
    for entry in raw["models"]:
        entry["category"], entry["sha256"]
    n_frames = int(raw["n_frames"])
    if not 0 < n_frames < _FRAMES_END:
        raise ValueError(f"n_frames is {n_frames}")
    return Description(
        n_frames=n_frames,
        val_fraction=float(raw["val_fraction"]),
        categories=tuple(str(name) for name in raw["categories"]),
        unit_m={
            entry["name"]: float(entry["unit_m"]) for entry in (*raw["models"], *raw["distractors"])
        },
        models={str(entry["name"]): dict(entry) for entry in raw["models"]},
        counts=counts,
        rejections=dict(raw["rejections"]),
        reached={str(name): dict(told) for name, told in raw["reached"].items()},
        formats=tuple(output["formats"]),
        image=str(output["image"]),
        yolo=str(output["yolo"]),
        ids=bool(output[ids_folder]),
        ids_folder=ids_folder,
        depth=bool(output["depth"]),
        depth_unit_m=float(raw["depth_unit_m"]),
        top_ups=top_ups_of(raw.get("top_ups", [])),
        maps=tuple(name for name in MAPS if output[name]),
        obb=bool(labels["obb"]),
        min_px=int(labels["min_px"]),
        min_visib_fract=float(labels["min_visib_fract"]),
        raw=raw,
    )


def _ids_folder(raw: Mapping[str, Any]) -> str:
    """Name of the folder and of the key of ``output``: format 1 had another one."""
    version = raw.get("format_version", 1)
    if version not in range(1, FORMAT_VERSION + 1):
        raise ValueError(f"format_version is {version!r}, known here are 1 to {FORMAT_VERSION}")
    return "masks" if version == 1 else "ids"


def check_description(description: Description, folder: Path, findings: Findings) -> None:
    """Checks dataset.yaml against itself and, where it is there, the claim in `.manifest`."""
    raw, config = description.raw, description.raw["config"]

    def require(holds: object, message: str) -> None:
        findings.require(holds, message, file=FILE)

    require(
        sha256_of(identity_of(config)) == raw["config_sha256"],
        "config_sha256 must be that of its config, and is not: one of them was edited",
    )
    pairs = {name: (raw[name], config.get(name)) for name in ("seed", "val_fraction", "n_frames")}
    output = config["output"]
    for name in ("formats", "image", "yolo", description.ids_folder, "depth", *MAPS):
        pairs[f"output.{name}"] = raw["output"][name], output.get(name)
    pairs["depth_unit_m"] = raw["depth_unit_m"], output.get("depth_unit_m")
    for name, (told, configured) in pairs.items():
        require(told == configured, f"{name} must be {configured!r} as configured, got {told!r}")
    categories = tuple(sorted({str(entry["category"]) for entry in raw["models"]}))
    require(
        description.categories == categories,
        f"categories must be {', '.join(categories)}, the sorted ones of its models, "
        f"got {', '.join(description.categories)}",
    )
    end = max((entry.end for entry in description.top_ups), default=0)
    require(
        end <= description.n_frames,
        f"top_ups must end within its {description.n_frames} frames, got one that ends at {end}",
    )
    _check_claim(description, folder, findings)


def _check_claim(description: Description, folder: Path, findings: Findings) -> None:
    raw = description.raw
    wanted = {
        "identity.json": {
            "config": identity_of(raw["config"]),
            "models": {entry["name"]: entry["sha256"] for entry in raw["models"]},
        },
        "gl.json": raw["gl"],
        "top_ups.json": {"top_ups": [entry.as_dict() for entry in description.top_ups]},
    }
    for name, values in wanted.items():
        path = folder / ".manifest" / name
        if not path.is_file():
            # A folder whose .manifest is gone says nothing; one that has it must say all.
            if name == "top_ups.json" and path.parent.is_dir():
                findings.require(not description.top_ups, "is missing", file=f".manifest/{name}")
            continue
        file = f".manifest/{name}"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            findings.require(False, f"is torn: {error}", file=file)
            continue
        same = isinstance(found, dict) and all(found.get(k) == v for k, v in values.items())
        findings.require(same, f"must agree with {FILE}, and does not", file=file)
