"""A stored frame rendered again from its record, and compared.

Nothing is drawn and nothing is searched: θ and the placement come from the record. The
frame equals the stored one when all of its files and records are the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.build import build
from render.config.trust import plugin_versions
from render.dataset.description import read_description
from render.dataset.findings import Findings
from render.dataset.frame_files import FrameFiles
from render.dataset.layout import DESCRIPTION, RECORDS, read_sharding
from render.dataset.pictures import decoded_picture
from render.dataset.records import read_frames, read_instances
from render.dataset.rows import frame_row, instance_rows
from render.engine.base import DeviceInfo
from render.errors import ConfigError, DatasetError
from render.pipeline import encode, realise
from render.plan import Plan
from render.sample import Sample, SampleKey
from render.system.blas import one_blas_thread
from render.system.files import write_whole
from render.system.plain_data import json_of
from render.system.stores import Folder
from render.system.version import version_of
from render.theta import Placement, Theta, placement_from_json, theta_from_json

__all__ = ["ASSET_DIRS", "render_again", "replay"]

ASSET_DIRS = (
    "models_dir", "environments_dir", "backgrounds_dir", "textures_dir", "distractors_dir",
    "fixtures_dir",
)  # fmt: skip
"""The folders that a dataset was made from, by the keys of the config."""


def replay(
    folder: Folder,
    frame_idx: int,
    *,
    out: Path | None = None,
    asset_dirs: Mapping[str, Path] | None = None,
    plugins: Sequence[str] = (),
) -> list[str]:
    """Renders one stored frame again.

    Args:
        folder: A dataset.
        out: Folder to put the new files into, or None.
        asset_dirs: Where some of `ASSET_DIRS` are now; the dataset knows where they were when
            it was made.
        plugins: Packages with classes of your own that it was made with.

    Returns:
        What differs, a line each; empty when the frame equals the stored one.

    Raises:
        DatasetError: There is no such frame, a record is torn, or the models are missing or
            not the ones it shows.
        AssetError: A background or texture cannot be used.
        EngineError: No GL platform works.

    """
    found = _replayed(folder, {frame_idx}, out=out, asset_dirs=asset_dirs or {}, plugins=plugins)
    return found[frame_idx]


def render_again(folder: Folder, n_frames: int, findings: Findings, plugins: Sequence[str]) -> None:
    """Renders some frames of a dataset again, evenly spread, and finds those that differ.

    Args:
        folder: A dataset in which nothing else was found.
        n_frames: How many.
        findings: Gets a check for each frame.
        plugins: Packages with classes of your own that it was made with.

    Raises:
        RenderError: As `replay`, as where its models are not at hand.

    """
    last = read_description(folder).n_frames - 1
    chosen = {round(i) for i in np.linspace(0, last, n_frames).tolist()}
    found = _replayed(folder, chosen, out=None, asset_dirs={}, plugins=plugins)
    for frame_idx, lines in found.items():
        findings.require(
            not lines,
            f"rendered again it differs: {'; '.join(line.strip() for line in lines)}",
            file=RECORDS, frame_idx=frame_idx,
        )  # fmt: skip


@one_blas_thread()
def _replayed(
    folder: Folder,
    frame_idxs: Collection[int],
    *,
    out: Path | None,
    asset_dirs: Mapping[str, Path],
    plugins: Sequence[str],
) -> dict[int, list[str]]:
    """What differs in each of some frames."""
    dataset = dict(read_description(folder).raw)
    dataset["asset_dirs"].update({key: str(path) for key, path in asset_dirs.items()})
    stored = [row for row in read_frames(folder) if row["frame_idx"] in frame_idxs]
    if absent := sorted({*frame_idxs} - {row["frame_idx"] for row in stored}):
        raise DatasetError(f"frame must be one of {folder}, which holds no frame {absent[0]}")
    recorded = [_recorded(row) for row in stored]
    old_rows: dict[int, list[Mapping[str, Any]]] = {idx: [] for idx in frame_idxs}
    for instance in read_instances(folder):
        if instance["frame_idx"] in old_rows:
            old_rows[instance["frame_idx"]].append(instance)
    plan = _plan(folder, dataset, plugins)
    for _, placement in recorded:
        _check_models(plan, dataset, placement)
    found: dict[int, list[str]] = {}
    with plan.engine() as engine:
        notes = [*_gl_note(engine.info, dataset["gl"]), *_version_notes(dataset["versions"], plan)]
        for row, (theta, placement) in zip(stored, recorded, strict=True):
            idx = row["frame_idx"]
            sample = realise(
                plan,
                engine,
                SampleKey.of(idx, plan.run.val_fraction, plan.space.views),
                theta=theta,
                placement=placement,
                rejections=tuple(row["rejections"]),
            )
            differences = _differences(folder, plan, sample, row, old_rows[idx], out)
            found[idx] = [*differences, *notes] if differences else []
    return found


def _recorded(stored: Mapping[str, Any]) -> tuple[Theta, Placement]:
    try:
        theta, placement = json_of(stored["theta"]), json_of(stored["placement"])
        return theta_from_json(theta), placement_from_json(placement)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"the record of frame {stored['frame_idx']} is torn: {error}") from error


def _plan(folder: Folder, dataset: Mapping[str, Any], plugins: Sequence[str]) -> Plan:
    """The plan of a stored dataset, on the asset folders and models it was made from."""
    models_dir = Path(dataset["asset_dirs"]["models_dir"])
    names = [entry["name"] for entry in dataset["models"]]
    absent = [name for name in names if not (models_dir / name).is_file()]
    if absent:
        more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
        raise DatasetError(
            f"the models of this dataset must be in {models_dir}, which lacks "
            f"{', '.join(absent[:3])}{more}: put them there, or say --models-dir DIR"
        )
    config = dict(dataset["config"], output_dir=str(folder))
    # A relative or default folder meant something where the dataset was made; models that
    # came into the folder later would shift the ids of categories.
    config["assets"] = {**config["assets"], **dataset["asset_dirs"], "skip_bad": False}
    config["models"] = names
    config["poses"] = {"file": None, "models": []}  # the placement holds what they gave
    try:
        return build(config, plugins=plugins, check_assets=False)
    except ConfigError as error:
        dirs = {name: path for name, path in dataset["asset_dirs"].items() if name in ASSET_DIRS}
        gone = {name: path for name, path in dirs.items() if not Path(path).is_dir()}
        if not gone:
            raise ConfigError(f"{folder / DESCRIPTION}: {error}") from error
        options = " ".join(f"--{name.replace('_', '-')} DIR" for name in gone)
        raise DatasetError(
            f"the assets of this dataset must be in {', '.join(gone.values())}, which is not "
            f"there: say {options} ({error})"
        ) from error


def _check_models(plan: Plan, dataset: Mapping[str, Any], placement: Placement) -> None:
    """The models that the frame shows are those it was made from."""
    shown = {instance.model for instance in placement.instances}
    for entry in dataset["models"]:
        name = entry["name"]
        if name in shown and plan.assets.models.sha256(name) != entry["sha256"]:
            raise DatasetError(
                f"{plan.assets.models.folder / name} is not the model that this dataset was made "
                "from: the file, one it names, or what a side file says of it has changed"
            )
    for entry, fixture in zip(dataset["fixtures"], plan.assets.fixtures, strict=True):
        if fixture.model.sha256 != entry["sha256"]:
            raise DatasetError(
                f"{entry['name']} is not the model that this dataset was made from: it has "
                "changed, or another folder was given as --fixtures-dir"
            )
    for entry in dataset["distractors"]:
        name = entry["name"]
        if name in shown and plan.assets.model(name).sha256 != entry["sha256"]:
            raise DatasetError(
                f"{name} is not the model that this dataset was made from: it has changed, or "
                "another folder was given as --distractors-dir"
            )


def _differences(
    folder: Folder,
    plan: Plan,
    sample: Sample,
    stored: Mapping[str, Any],
    old_rows: Sequence[Mapping[str, Any]],
    out: Path | None,
) -> list[str]:
    rows = instance_rows(sample)
    files = encode(plan, sample, rows)
    found: list[str] = []
    hashes: dict[str, str] = {}
    sharding = read_sharding(folder)
    for name, data in files.items():
        old = _stored(FrameFiles(folder, stored, sharding), name)
        if old != data:
            found.append(f"  {name}: {_difference(old, data, Path(name).suffix)}")
        if out is not None:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(out / name, data)
        hashes[name] = hashlib.sha256(data).hexdigest()
    if frame_row(sample, image=plan.writers.image, hashes=hashes) != dict(stored):
        found.append("  its frame record")
    if rows != old_rows:
        found.append("  its instance records")
    return found


def _stored(files: FrameFiles, name: str) -> bytes | None:
    """The bytes of a stored file; None where it is missing."""
    try:
        return files.read(name)
    except FileNotFoundError:
        return None


def _difference(old: bytes | None, new: bytes, suffix: str) -> str:
    if old is None:
        return "is missing in the dataset"
    before, now = _decoded(old, suffix), _decoded(new, suffix)
    if before is None or now is None or before.shape != now.shape:
        return f"{len(old)} other bytes stored, {len(new)} now"
    delta = np.abs(before.astype(np.int64) - now.astype(np.int64))
    if not delta.any():
        return f"the same {delta.size} values in other bytes"
    return f"{np.count_nonzero(delta)} of {delta.size} values differ, by at most {delta.max()}"


def _decoded(data: bytes, suffix: str) -> NDArray[Any] | None:
    """Pixels; None if the bytes are no picture."""
    try:
        return decoded_picture(data, suffix)
    except ValueError:
        return None


def _gl_note(info: DeviceInfo, stored: Mapping[str, Any]) -> list[str]:
    if (info.renderer, info.version) == (stored["renderer"], stored["version"]):
        return []
    return [
        f"  (stored by {stored['renderer']}, {stored['version']}; this is {info.renderer}, "
        f"{info.version}: bytes are promised for one renderer only)"
    ]


def _version_notes(stored: Mapping[str, str], plan: Plan) -> list[str]:
    """Libraries and plug-ins that are not those of the dataset."""
    here = {name: version_of(name) for name in stored} | plugin_versions(plan.run.plugins)
    other = [f"{name} {v}, here {here[name]}" for name, v in stored.items() if here[name] != v]
    return [f"  (stored with {'; '.join(other)}: bytes may differ)"] if other else []
