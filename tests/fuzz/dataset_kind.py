"""Folders of datasets, given to all that reads such: they may come from anyone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from render.api import compose, write
from render.api import open as open_dataset
from render.errors import RenderError
from render.job.replay import replay
from render.job.top_up import prepare
from render.report.coverage import read_coverage
from render.report.verify.dataset import verify
from tests.fuzz.config_kind import small_assets
from tests.fuzz.kind import AbstractKind
from tests.fuzz.mutators import HOSTILE, as_json, as_yaml, damaged, damaged_tree
from tests.spaces import composed

__all__ = ["DatasetKind"]

_RUN = (
    "n_frames=3", "workers=1", "camera.size_wh=[64,48]", "background=color", "lighting=studio",
    "sensor=clean", "output.depth=true", "output.normals=true", "labels.keypoints=3",
    "labels.obb=true", "objects=scatter", "occlusion.count=1",
)  # fmt: skip


class DatasetKind(AbstractKind):
    """A small finished dataset with one or two of its files damaged, gone or something else."""

    name = "datasets"
    cpu_s = 30.0

    def prepare(self, shared: Path) -> None:
        small_assets(shared)
        if not (shared / "dataset").is_dir():
            kinds = ("models", "backgrounds", "textures", "environments")
            assets = [f"assets.{kind}_dir='{shared / 'assets' / kind}'" for kind in kinds]
            write(compose(*assets, *_RUN), shared / "dataset")

    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        shutil.copytree(shared / "dataset", folder, dirs_exist_ok=True)
        files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        # What says most is damaged most: descriptions and records.
        weights = [8 if path.suffix in _TREES or len(path.parts) < 3 else 1 for path in files]
        # One that is drawn twice is damaged once.
        for path in dict.fromkeys(rng.choices(files, weights, k=rng.choice((1, 1, 2)))):
            _spoil(folder / path, rng)

    def use(self, folder: Path) -> str:
        refusals: list[RenderError] = []
        found = False
        for reader in (_verified, _opened, _covered, _topped_up, _replayed):
            try:
                found |= reader(folder)
            except RenderError as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        return "found" if found else "accepted"

    def names(self, message: str, folder: Path) -> bool:
        # Who names a folder in a command is told of what is in it.
        return "the record of " in message or super().names(message, folder)


def _verified(folder: Path) -> bool:
    lines = verify(folder).findings.lines()
    "\n".join(lines).encode()
    return bool(lines)


def _opened(folder: Path) -> bool:
    dataset = open_dataset(folder)
    repr(dataset)
    _ = dataset.table("frames"), dataset.table("instances")
    for frame in dataset.frames:
        _ = frame.image, frame.ids, frame.depth_m, frame.maps
        _ = frame.masks, frame.masks_visib, frame.labelled
        _ = frame.theta, frame.placement, frame.camera
    return False


def _covered(folder: Path) -> bool:
    read_coverage(folder).text(all_bins=True)
    return False


def _topped_up(folder: Path) -> bool:
    words = [f"top_up={folder}", "n_frames=2"]
    prepare({**composed(), "top_up": str(folder), "n_frames": 2}, words)
    return False


def _replayed(folder: Path) -> bool:
    return bool(replay(folder, 0))


def _spoil(path: Path, rng: Random) -> None:
    """One file of the folder becomes another, or another thing."""
    what = rng.random()
    edit = _TREES.get(path.suffix)
    if edit is not None and what < 0.65:
        edit(path, rng)
    elif what < 0.9:
        path.write_bytes(damaged(path.read_bytes(), rng))
    else:
        path.unlink()
        rng.choice(_INSTEAD)(path)


def _as_link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


_INSTEAD: tuple[Callable[[Path], None], ...] = (
    lambda path: None,
    lambda path: path.mkdir(),
    os.mkfifo,
    lambda path: path.write_bytes(b""),
    _as_link_to("/dev/zero"),
    _as_link_to("nowhere"),
    _as_link_to("/etc/hostname"),
    lambda path: path.symlink_to(path.name),
)


def _edit_yaml(path: Path, rng: Random) -> None:
    path.write_bytes(as_yaml(damaged_tree(yaml.safe_load(path.read_text()), rng), rng))


def _edit_json(path: Path, rng: Random) -> None:
    path.write_bytes(as_json(damaged_tree(json.loads(path.read_text()), rng)))


def _edit_table(path: Path, rng: Random) -> None:
    """A column of records of another kind, gone, null, or with a value that is not possible."""
    table = pq.read_table(path)
    at = rng.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at)
    what, values = rng.random(), column.to_pylist()
    if what < 0.15:
        table = table.drop_columns([name])
    elif what < 0.25:
        table = pa.concat_tables([table, table.slice(0, 1)])
    elif what < 0.3:
        table = table.slice(0, 0)
    else:
        row = rng.randrange(len(values))
        values[row] = _other(values[row], rng)
        if what < 0.5:
            values = [values[row]] * len(values)
        try:
            new = pa.array(values, type=column.type if what < 0.8 else None)
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            new = pa.array([ascii(value) for value in values])
        table = table.set_column(at, name, new)
    pq.write_table(table, path)


def _other(value: Any, rng: Random) -> Any:
    """What a record might hold in its place."""
    if isinstance(value, str) and value[:2] in ("[{", '{"'):  # θ, a placement
        return as_json(damaged_tree(json.loads(value), rng)).decode("utf-8", "replace")
    if isinstance(value, dict | list) and rng.random() < 0.7:
        return damaged_tree(value, rng)
    return rng.choice([one for one in HOSTILE if not isinstance(one, str) or one.isprintable()])


_TREES: dict[str, Callable[[Path, Random], None]] = {
    ".yaml": _edit_yaml,
    ".json": _edit_json,
    ".parquet": _edit_table,
}
