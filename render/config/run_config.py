"""The part of the config that is not θ, typed and checked."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from render.config.trust import plugin_names
from render.errors import ConfigError
from render.sampling.groups import GROUPS
from render.sampling.rules import check_rigid
from render.sampling.sequences import SAMPLINGS
from render.sampling.top_up import TopUp, top_ups_of

__all__ = [
    "IDENTITY_EXCLUDED",
    "MAPS",
    "RunConfig",
    "YoloKind",
    "identity_of",
    "sha256_of",
    "unknown_key",
]

YoloKind = Literal["detect", "segment", "pose", "obb"]
YOLO_KINDS: tuple[YoloKind, ...] = get_args(YoloKind)
MAPS = ("normals", "nocs", "parts")
"""Per-pixel labels on request; each the name of its folder and of its key of ``output``."""

# What a dataset is does not depend on how, where or how far it is rendered.
# What is added to it for thin bins has entries of its own.
IDENTITY_EXCLUDED = (
    "n_frames", "workers", "memory_mb", "execution", "shard", "output_dir", "overwrite", "top_up",
    "top_ups", "plugins",
)  # fmt: skip
# What a key was called before, and is called now.
_RENAMED = {"output.masks": "output.ids"}
# Of a dataset: presets of mixtures, top-ups; and what older configs do not have.
_OPTIONAL = ("presets", "experiment", "top_up", "top_ups", "memory_mb", "plugins")
_SECTIONS: dict[str, tuple[str, ...]] = {
    "assets": (
        "models_dir",
        "environments_dir",
        "backgrounds_dir",
        "textures_dir",
        "distractors_dir",
        "fixtures_dir",
        "skip_bad",
    ),
    "poses": ("file", "models"),
    "labels": ("min_visib_fract", "min_px", "keypoints", "symmetries", "obb"),
    "output": (
        "formats",
        "image",
        "yolo",
        "ids",
        "depth",
        "depth_unit_m",
        "normals",
        "nocs",
        "parts",
    ),
}
_SCALARS = (
    "output_dir", "n_frames", "seed", "workers", "memory_mb", "sampling", "val_fraction", "balance",
    "negatives_fract", "overwrite", "top_up", "top_ups",
    "models", "fixtures", "presets", "engine", "execution", "experiment",
    "plugins",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything beside θ and what is the engine's and the execution's own, checked.

    Attributes:
        workers: Number of processes, or None for ``auto``.
        memory_mb: MiB of models, with what is worked out of them, that each process keeps.
        devices: What the engine draws with; several are dealt to the workers in turn.
        plugins: Packages of the user whose classes the config may name.
        top_ups: Frames that were added for thin bins; known by the dataset, never asked.
        fixtures: Name and ``T_world_obj`` (16 numbers) of each static model of the cell.
        poses_file: ``scene_gt.json`` of a real scene.
        poses_models: Names of models by ``obj_id``.
        n_keypoints: Chosen on each model that declares none.
        searches_symmetries: Of models that declare none.
        obb: Whether labels have oriented boxes.
        formats: ``coco``, ``yolo`` or both.
        maps: Which per-pixel labels are written beside ids and depth: of `MAPS`.

    """

    output_dir: Path
    n_frames: int
    seed: int
    workers: int | None
    memory_mb: int
    devices: tuple[str | int, ...]
    sampling: str
    val_fraction: float
    balance: bool
    negatives_fract: float
    overwrite: bool
    plugins: tuple[str, ...]
    top_ups: tuple[TopUp, ...]
    models: tuple[str, ...]
    models_dir: Path | None
    environments_dir: Path | None
    backgrounds_dir: Path | None
    textures_dir: Path | None
    distractors_dir: Path | None
    fixtures_dir: Path | None
    fixtures: tuple[tuple[str, tuple[float, ...]], ...]
    poses_file: Path | None
    poses_models: Mapping[int, str]
    skip_bad: bool
    min_visib_fract: float
    min_px: int
    n_keypoints: int
    searches_symmetries: bool
    obb: bool
    formats: tuple[str, ...]
    image: str
    yolo: YoloKind
    ids: bool
    depth: bool
    depth_unit_m: float
    maps: tuple[str, ...]

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> RunConfig:
        """Checks a resolved config.

        Raises:
            ConfigError: ``<field> must <rule>, got <value>``.

        """
        _check_keys("", config, (*_SCALARS, *_SECTIONS, *GROUPS))
        for section, keys in _SECTIONS.items():
            _check_keys(f"{section}.", config[section], keys)
        assets, labels, output = config["assets"], config["labels"], config["output"]
        return cls(
            output_dir=_path("output_dir", config["output_dir"]),
            n_frames=_whole("n_frames", config["n_frames"], lo=1, hi=99_999_999),
            seed=_whole("seed", config["seed"], lo=0, hi=2**63 - 1),
            workers=_workers(config["workers"]),
            memory_mb=_whole("memory_mb", config.get("memory_mb", 1024), lo=1, hi=2**30),
            devices=_devices(config["engine"]),
            sampling=_option("sampling", config["sampling"], SAMPLINGS),
            val_fraction=_number("val_fraction", config["val_fraction"], lo=0, hi=1),
            balance=_flag("balance", config["balance"]),
            negatives_fract=_number("negatives_fract", config["negatives_fract"], lo=0, hi=1),
            overwrite=_flag("overwrite", config["overwrite"]),
            plugins=plugin_names(config.get("plugins", [])),
            top_ups=top_ups_of(config.get("top_ups", [])),
            models=_names("models", config["models"]),
            models_dir=_optional_path("assets.models_dir", assets["models_dir"]),
            environments_dir=_optional_path("assets.environments_dir", assets["environments_dir"]),
            backgrounds_dir=_optional_path("assets.backgrounds_dir", assets["backgrounds_dir"]),
            textures_dir=_optional_path("assets.textures_dir", assets["textures_dir"]),
            distractors_dir=_optional_path("assets.distractors_dir", assets["distractors_dir"]),
            fixtures_dir=_optional_path("assets.fixtures_dir", assets["fixtures_dir"]),
            fixtures=_fixtures(config["fixtures"]),
            poses_file=_optional_path("poses.file", config["poses"]["file"]),
            poses_models=_models_by_id(config["poses"]["models"]),
            skip_bad=_flag("assets.skip_bad", assets["skip_bad"]),
            min_visib_fract=_number(
                "labels.min_visib_fract", labels["min_visib_fract"], lo=0, hi=1
            ),
            min_px=_whole("labels.min_px", labels["min_px"], lo=1, hi=2**31),
            n_keypoints=_whole("labels.keypoints", labels["keypoints"], lo=0, hi=1000),
            searches_symmetries=_option(
                "labels.symmetries", labels["symmetries"], ("declared", "search")
            )
            == "search",
            obb=_flag("labels.obb", labels["obb"]),
            formats=_formats(output["formats"]),
            image=_option("output.image", output["image"], ("jpg", "png")),
            yolo=_yolo(output["yolo"]),
            ids=_flag("output.ids", output["ids"]),
            depth=_flag("output.depth", output["depth"]),
            depth_unit_m=_number("output.depth_unit_m", output["depth_unit_m"], lo=1e-7, hi=10),
            maps=tuple(name for name in MAPS if _flag(f"output.{name}", output[name])),
        )


def identity_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that decides what the frames are."""
    return {k: v for k, v in config.items() if k not in IDENTITY_EXCLUDED}


def sha256_of(value: Any) -> str:
    """SHA-256 (hex) of a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def unknown_key(key: str) -> str:
    """What to say of a key that the config does not have: what may have been meant.

    Args:
        key: With its section or group, such as ``viewpoint.elevation``.

    """
    if key in _RENAMED:
        return f"{key} must be a key of the config; it is called {_RENAMED[key]} now"
    leaves = {group: tuple(f.name for f in fields(schema)) for group, schema in GROUPS.items()}
    sections = {**_SECTIONS, **leaves}
    every = [f"{section}.{name}" for section, names in sections.items() for name in names]
    section, _, name = key.rpartition(".")
    same = [known for known in every if known.endswith(f".{name}")]
    if same:
        return f"{key} must be a key of the config; did you mean {' or '.join(same)}?"
    if section and section not in sections:  # of the engine or the execution, say
        return f"{key} must be a key of the config, and there is no such key"
    prefix = f"{section}." if section else ""
    known = sections[section] if prefix else (*_SCALARS, *sections)
    close = difflib.get_close_matches(name if prefix else key, known, n=1) or known
    there_are = "did you mean" if len(close) == 1 else "there are"
    end = "?" if len(close) == 1 else ""
    names = ", ".join(f"{prefix}{n}" for n in close)
    return f"{key} must be a key of the config; {there_are} {names}{end}"


def _check_keys(prefix: str, section: Any, known: Sequence[str]) -> None:
    if not isinstance(section, Mapping):
        raise ConfigError(f"{prefix.rstrip('.')} must be a mapping, got {section!r}")
    for key in section:
        if key not in known:
            raise ConfigError(unknown_key(f"{prefix}{key}"))
    for key in known:
        if key not in section and key not in _OPTIONAL:
            raise ConfigError(f"{prefix}{key} must be set, and is missing")


def _whole(name: str, value: Any, *, lo: int, hi: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not lo <= value <= hi:
        raise ConfigError(f"{name} must be a whole number from {lo} to {hi}, got {value!r}")
    return value


def _number(name: str, value: Any, *, lo: float, hi: float) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not lo <= value <= hi
    ):
        raise ConfigError(f"{name} must be a number from {lo:g} to {hi:g}, got {value!r}")
    return float(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be true or false, got {value!r}")
    return value


def _option(name: str, value: Any, options: Sequence[str]) -> str:
    if value not in options:
        raise ConfigError(f"{name} must be one of {', '.join(options)}, got {value!r}")
    return str(value)


def _yolo(value: Any) -> YoloKind:
    kind: YoloKind = YOLO_KINDS[YOLO_KINDS.index(_option("output.yolo", value, YOLO_KINDS))]
    return kind


def _workers(value: Any) -> int | None:
    if value == "auto":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1024:
        raise ConfigError(f"workers must be auto or a whole number from 1 to 1024, got {value!r}")
    return value


def _devices(engine: Any) -> tuple[str | int, ...]:
    value = engine.get("device", "auto") if isinstance(engine, Mapping) else "auto"
    if isinstance(value, str) and value:
        return (value,)  # the engine knows which names there are
    numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers)
    if not whole or not numbers or len(set(numbers)) < len(numbers):
        raise ConfigError(
            "engine.device must be auto, the number of a GPU, or a list of different numbers, "
            f"got {value!r}"
        )
    return tuple(numbers)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} must be the path of a folder, got {value!r}")
    return Path(value).expanduser()


def _optional_path(name: str, value: Any) -> Path | None:
    return None if value is None else _path(name, value)


def _names(name: str, value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if (
        not isinstance(values, Sequence)
        or not values
        or not all(isinstance(v, str) and v for v in values)
    ):
        raise ConfigError(f"{name} must be a list of one or more names, got {value!r}")
    return tuple(values)


def _formats(value: Any) -> tuple[str, ...]:
    names = _names("output.formats", value)
    for name in names:
        _option("output.formats", name, ("coco", "yolo"))
    return tuple(dict.fromkeys(names))


def _models_by_id(value: Any) -> dict[int, str]:
    rule = "poses.models must be a list of {obj_id: NUMBER, model: NAME}"
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigError(f"{rule}, got {value!r}")
    found: dict[int, str] = {}
    for entry in value:
        if not isinstance(entry, Mapping) or set(entry) != {"obj_id", "model"}:
            raise ConfigError(f"{rule}, got {entry!r}")
        obj_id = _whole("poses.models.obj_id", entry["obj_id"], lo=0, hi=2**31)
        if obj_id in found or not isinstance(entry["model"], str):
            raise ConfigError(f"{rule}, each obj_id once, got {value!r}")
        found[obj_id] = entry["model"]
    return found


def _fixtures(value: Any) -> tuple[tuple[str, tuple[float, ...]], ...]:
    rule = "fixtures must be a list of {model: NAME, T_world_obj: 16 numbers, row by row}"
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigError(f"{rule}, got {value!r}")
    found = []
    for entry in value:
        if not isinstance(entry, Mapping) or set(entry) != {"model", "T_world_obj"}:
            raise ConfigError(f"{rule}, got {entry!r}")
        name, numbers = entry["model"], entry["T_world_obj"]
        if not isinstance(name, str) or not isinstance(numbers, Sequence) or len(numbers) != 16:
            raise ConfigError(f"{rule}, got {entry!r}")
        T = tuple(_number("fixtures.T_world_obj", n, lo=-1e6, hi=1e6) for n in numbers)
        check_rigid(f"fixtures.T_world_obj of {name}", T)
        found.append((name, T))
    return tuple(found)
