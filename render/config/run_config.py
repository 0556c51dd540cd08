"""The part of the config that is not θ, typed and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from render.config.sections import (
    AssetSettings,
    EngineSettings,
    FixtureSetting,
    LabelSettings,
    PoseSettings,
    ShardSettings,
    fixtures_of,
    frame_timeout_of,
    frames_of,
    workers_of,
)
from render.config.settings import (
    Setting,
    identity_part,
    read,
    section,
    setting,
    settings_of,
    unknown,
)
from render.config.trust import plugin_names
from render.sampling.groups import GROUPS
from render.sampling.sequences import SAMPLINGS
from render.sampling.top_up import TopUp, top_ups_of
from render.system import values
from render.system.stores import Folder, folder_of

__all__ = ["RunConfig", "checked_key", "identity_of", "sha256_of", "unknown_key"]


def _folder(value: Any) -> Folder:
    return folder_of(values.name(value))


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything beside θ and what is the engine's and the execution's own, checked.

    Attributes:
        workers: Number of processes, or None for ``auto``.
        frame_timeout_s: Seconds, or None for no limit.
        top_ups: Frames that were added for thin bins; known by the dataset, never asked.
        presets: What the presets set, for each group that draws one of its presets in each frame.

    """

    output_dir: Folder = setting(
        parse=_folder,
        form="the path of a folder, or a URL such as s3://bucket/name",
        identity=False,
        doc="Folder of the dataset, or its URL in a store; a run that names it again continues it.",
        example="datasets/bolts",
    )
    n_frames: int = setting(
        kind="integer", lo=1, hi=99_999_999, identity=False, doc="Frames of the dataset.",
        example="1000",
    )  # fmt: skip
    frames: tuple[int, int] | None = setting(
        parse=frames_of,
        form="a list of two whole numbers, the first frame and the one behind the last",
        nullable=True,
        default=None,
        identity=False,
        doc="Part of the dataset that this run renders, [first, behind the last]; null: all of it.",
        example="[0,1600]",
    )
    seed: int = setting(
        kind="integer", lo=0, hi=2**63 - 1, doc="What all random numbers come from.", example="7"
    )
    workers: int | None = setting(
        parse=workers_of,
        form="auto or a whole number from 1 to 1024",
        identity=False,
        doc="Processes that render; `auto`: one for each core, on GPUs four for each.",
        example="8",
    )
    memory_mb: int = setting(
        kind="integer",
        lo=1,
        hi=2**30,
        default=1024,
        identity=False,
        doc="MiB of models, with what is worked out of them, that each process keeps.",
        example="4096",
    )
    frame_timeout_s: float | Literal["auto"] | None = setting(
        parse=frame_timeout_of,
        form="auto, a number from 1 to 1000000, or null",
        default="auto",
        identity=False,
        doc="Seconds that a frame may take in a worker process; `auto`: 600; null: no limit.",
        example="120",
    )
    skip_failed_frames: bool = setting(
        kind="flag",
        default=False,
        identity=False,
        doc="Whether the run goes on without frames that fail; its dataset is then incomplete.",
        example="true",
    )
    log: str = setting(
        kind="choice",
        options=("text", "json"),
        default="text",
        identity=False,
        doc="How standard error tells how far a run is: for people, or as JSON, an object a line.",
        example="json",
    )
    sampling: str = setting(
        kind="choice",
        options=SAMPLINGS,
        doc="How values are spread over the frames.",
        example="sobol",
    )
    val_fraction: float = setting(
        kind="number", lo=0, hi=1, doc="Share of the frames for validation.", example="0.1"
    )
    balance: bool = setting(
        kind="flag",
        doc="Whether all categories get as many targets; else `objects.model` weighs them.",
        example="false",
    )
    negatives_fract: float = setting(
        kind="number", lo=0, hi=1, doc="Share of the frames that show no target.", example="0.1"
    )
    top_up: Folder | None = setting(
        parse=_folder,
        form="the path of a folder, or a URL such as s3://bucket/name",
        nullable=True,
        default=None,
        identity=False,
        doc="A dataset that gets `n_frames` more for its thin bins; see `render.coverage`.",
        example="datasets/bolts",
    )
    overwrite: bool = setting(
        kind="flag",
        identity=False,
        doc="Whether the dataset that `output_dir` holds is thrown away.",
        example="true",
    )
    models: tuple[str, ...] = setting(
        kind="names",
        doc="Files, stems, categories or globs of files under `assets.models_dir`.",
        example="[bolt,nut*]",
    )
    plugins: tuple[str, ...] = setting(
        parse=plugin_names,
        form="a list of names of packages",
        default=(),
        identity=False,
        doc="Packages of yours whose classes the config may name; given on the command line alone.",
        example="[my_package]",
    )
    assets: AssetSettings = section(AssetSettings)
    fixtures: tuple[FixtureSetting, ...] = setting(
        parse=fixtures_of,
        form="a list of {model: NAME, T_world_obj: 16 numbers, row by row}",
        doc="Static models of your cell, which are drawn and not labelled.",
        example="[{model:bin.stl,T_world_obj:[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]}]",
    )
    poses: PoseSettings = section(PoseSettings)
    shard: ShardSettings = section(ShardSettings, default=ShardSettings())
    labels: LabelSettings = section(LabelSettings)
    output: Mapping[str, Any] = setting(
        kind="mapping", doc="What is written; its keys are those of `render.writers`."
    )
    engine: EngineSettings = section(EngineSettings, is_open=True)
    execution: Mapping[str, Any] = setting(
        kind="mapping", identity=False, doc="Where processes run: a preset of `conf/execution`."
    )
    experiment: str | None = setting(
        kind="name",
        nullable=True,
        default=None,
        doc="A file of `conf/experiment` that sets several keys.",
        example="example_occlusion",
    )
    presets: Mapping[str, Any] | None = setting(
        kind="mapping",
        default=None,
        doc="What the presets of a group with `mixture` set; stored with a dataset, not asked for.",
    )
    top_ups: tuple[TopUp, ...] = setting(
        parse=top_ups_of,
        form="a list of {first_frame, n_frames, seed, leaves, bins}",
        default=(),
        identity=False,
        doc="Frames that were added for thin bins; stored with a dataset, not asked for.",
    )

    @property
    def disk(self) -> Path:
        """The folder on this machine that is written to: ``output_dir``, unless it is a URL."""
        assert isinstance(self.output_dir, Path)
        return self.output_dir

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> RunConfig:
        """Checks a resolved config.

        Raises:
            ConfigError: ``<field> must <rule>, got <value>``.

        """
        return read(cls, config, others=tuple(GROUPS), explain=unknown_key)


def checked_key(name: str, value: Any) -> Any:
    """The value of one key by its full name, such as ``n_frames``, as `RunConfig.of` gives it.

    Raises:
        ConfigError: ``<field> must <rule>, got <value>``.

    """
    return dict(settings_of(RunConfig))[name].checked(name, value)


def identity_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that decides what the frames are."""
    return identity_part(RunConfig, config)


def sha256_of(value: Any) -> str:
    """SHA-256 (hex) of a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def unknown_key(key: str, output: Mapping[str, Setting] | None = None) -> str:
    """What to say of a key that the config does not have: what may have been meant.

    Args:
        key: With its section or group, such as ``viewpoint.elevation``.
        output: Keys of the writers, by their full names.

    """
    output = output or {}
    own = [f.name for f in fields(RunConfig)]
    known = {"": [*own, *GROUPS]}
    known |= {
        f.name: [inner.name for inner in fields(f.metadata["section"].kind)]
        for f in fields(RunConfig)
        if "section" in f.metadata and not f.metadata["section"].is_open
    }
    known |= {group: [leaf.name for leaf in fields(kind)] for group, kind in GROUPS.items()}
    known["output"] = [name.partition(".")[2] for name in output]
    declared = {**dict(settings_of(RunConfig)), **output}
    formerly = {spec.formerly: name for name, spec in declared.items() if spec.formerly}
    return unknown(key, known, formerly)
