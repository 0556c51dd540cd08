"""The sections of the run config: each key with its check and its meaning, declared here alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from render.config.settings import setting
from render.errors import ConfigError
from render.sampling.rules import check_rigid
from render.system import values

__all__ = [
    "AssetSettings",
    "EngineSettings",
    "FixtureSetting",
    "LabelSettings",
    "PoseSettings",
    "ShardSettings",
    "fixtures_of",
    "frame_timeout_of",
    "frames_of",
    "workers_of",
]

FixtureSetting = tuple[str, tuple[float, ...]]
"""Name of a static model of the cell, and its ``T_world_obj``, row by row."""


@dataclass(frozen=True, kw_only=True)
class AssetSettings:
    """Folders of models and pictures."""

    models_dir: Path | None = setting(
        kind="folder",
        nullable=True,
        doc="Models of the targets; null: `./assets/models`, or the starter set.",
        example="cad",
    )
    environments_dir: Path | None = setting(
        kind="folder",
        nullable=True,
        doc="Environment maps; null: `./assets/environments`, or the starter set.",
        example="hdris",
    )
    distractors_dir: Path | None = setting(
        kind="folder",
        nullable=True,
        doc="Models for `occlusion.by=model`; null: none.",
        example="clutter",
    )
    fixtures_dir: Path | None = setting(
        kind="folder",
        nullable=True,
        doc="Where the models of `fixtures` are.",
        example="cell",
    )
    backgrounds_dir: Path | None = setting(
        kind="folder",
        nullable=True,
        doc="Photographs for `background=photo`; null: `./assets/backgrounds`, or the starter set.",
        example="photos",
    )
    textures_dir: Path | None = setting(
        kind="folder",
        nullable=True,
        doc="Textures of surfaces and finishes; null: `./assets/textures`, or the starter set.",
        example="textures",
    )
    skip_bad: bool = setting(
        kind="flag", doc="Whether models that cannot be used are left out.", example="true"
    )


def _models_by_id(entries: Any) -> dict[int, str]:
    rule = "poses.models must be a list of {obj_id: NUMBER, model: NAME}"
    found: dict[int, str] = {}
    for entry in _listed(entries):
        if not isinstance(entry, Mapping) or set(entry) != {"obj_id", "model"}:
            raise ConfigError(f"{rule}, got {entry!r}")
        try:
            obj_id, model = values.whole(entry["obj_id"], 0, 2**31), values.name(entry["model"])
        except ValueError as error:
            raise ConfigError(f"{rule}, and each must {error}, got {entry!r}") from None
        if obj_id in found:
            raise ConfigError(f"{rule}, each obj_id once, got {entries!r}")
        found[obj_id] = model
    return found


@dataclass(frozen=True, kw_only=True)
class PoseSettings:
    """Poses of a real scene, to render it again."""

    file: Path | None = setting(
        kind="file",
        nullable=True,
        doc="A `scene_gt.json` of BOP's form; its `scene_camera.json` lies beside it, and a "
        "`camera.json` there or in one of the two folders above.",
        example="scene/scene_gt.json",
    )
    convention: Literal["bop", "opencv"] = setting(
        kind="choice",
        options=("bop", "opencv"),
        default="bop",
        doc="Where the centre of the top left pixel is by the K of that file: at (0.5, 0.5), as in "
        "BOP's data sets, or at (0, 0), as OpenCV and the files of this program have it.",
        example="opencv",
    )
    models: Mapping[int, str] = setting(
        parse=_models_by_id,
        form="a list of {obj_id: NUMBER, model: NAME}",
        doc="Which model each object is; one that is not named is that of the stem `obj_000001`.",
        example="[{obj_id:1,model:nut}]",
    )


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """Which instances are labelled, and with what."""

    min_visib_fract: float = setting(
        kind="number",
        lo=0,
        hi=1,
        doc="Instances of which a smaller share is visible are in the records, not in "
        "the annotations.",
        example="0.1",
    )
    min_px: int = setting(
        kind="integer",
        lo=1,
        hi=2**31,
        doc="Instances of fewer visible pixels are in the records, not in the annotations.",
        example="20",
    )
    keypoints: int = setting(
        kind="integer",
        lo=0,
        hi=1000,
        doc="Points that are chosen on each model whose side file declares none.",
        example="8",
    )
    symmetries: Literal["declared", "search"] = setting(
        kind="choice",
        options=("declared", "search"),
        doc="Whether symmetries are searched for where the side file declares none.",
        example="search",
    )
    obb: bool = setting(
        kind="flag", doc="Whether records and annotations have oriented boxes.", example="true"
    )
    category: Literal["model", "state"] = setting(
        kind="choice",
        options=("model", "state"),
        default="model",
        doc="Whether targets have the category of their model or, where its side file declares "
        "`states`, of the state that their pose shows.",
        example="state",
    )
    state_tolerance_deg: float | None = setting(
        kind="number",
        lo=0,
        hi=180,
        nullable=True,
        default=None,
        doc="Targets that are farther from every state are in the records, not in the "
        "annotations; null: the nearest state counts.",
        example="20",
    )
    categories: tuple[str, ...] | None = setting(
        kind="names",
        nullable=True,
        default=None,
        doc="All categories in the order of their ids; null: models sorted, states in the order "
        "of their declaration.",
        example="[mug,bolt,nut]",
    )


@dataclass(frozen=True, kw_only=True)
class ShardSettings:
    """Which of several even parts of the dataset a run renders; neither key is set: all of it."""

    index: int | None = setting(
        kind="integer",
        lo=0,
        hi=99_999_998,
        nullable=True,
        default=None,
        identity=False,
        doc="Number of the part that this run renders, from 0; null: all of the dataset.",
        example="0",
    )
    count: int | None = setting(
        kind="integer",
        lo=1,
        hi=99_999_999,
        nullable=True,
        default=None,
        identity=False,
        doc="How many even parts there are.",
        example="8",
    )


def _devices(value: Any) -> tuple[str | int, ...]:
    if isinstance(value, str) and value:
        return (value,)  # the engine knows which names there are
    listed = value if isinstance(value, list | tuple) else [value]
    devices = tuple(values.whole(number, lo=0) for number in listed)
    if not devices or len(set(devices)) < len(devices):
        raise ValueError
    return devices


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """What the run asks of an engine; its other keys are its own.

    Attributes:
        device: Several are dealt to the workers in turn.

    """

    device: tuple[str | int, ...] = setting(
        parse=_devices,
        form="auto, the number of a GPU, or a list of different numbers",
        default=("auto",),
        doc="What the engine draws with; several GPUs are dealt to the processes in turn.",
        example="[0,1]",
    )


def fixtures_of(entries: Any) -> tuple[FixtureSetting, ...]:
    """Reads the static models of the cell.

    Raises:
        ValueError: It is no list.
        ConfigError: An entry is none, or its transform is not rigid.

    """
    rule = "fixtures must be a list of {model: NAME, T_world_obj: 16 numbers, row by row}"
    found = []
    for entry in _listed(entries):
        if not isinstance(entry, Mapping) or set(entry) != {"model", "T_world_obj"}:
            raise ConfigError(f"{rule}, got {entry!r}")
        try:
            name = values.name(entry["model"])
            T = values.numbers(entry["T_world_obj"], (16,), -1e6, 1e6)
        except ValueError as error:
            raise ConfigError(f"{rule}, and each must {error}, got {entry!r}") from None
        check_rigid(f"fixtures.T_world_obj of {name}", T)
        found.append((name, T))
    return tuple(found)


def frames_of(value: Any) -> tuple[int, int]:
    """Reads a range of frames.

    Raises:
        ValueError: It is none, or has no frames.

    """
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError
    first, end = (values.whole(number, lo=0) for number in value)
    if first >= end:
        raise ValueError
    return first, end


def workers_of(value: Any) -> int | None:
    """Number of processes; None for ``auto``.

    Raises:
        ValueError: It is neither.

    """
    return None if value == "auto" else values.whole(value, 1, 1024)


def frame_timeout_of(value: Any) -> float | Literal["auto"] | None:
    """Seconds that a frame may take; None: as long as it likes.

    Raises:
        ValueError: It is no number from 1 to 1,000,000, not ``auto`` and not null.

    """
    return value if value in ("auto", None) else values.number(value, 1, 1e6)


def _listed(entries: Any) -> Sequence[Any]:
    if not isinstance(entries, list | tuple):
        raise ValueError
    return entries
