"""All checks of a dataset, shard by shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from render.config.trust import plugins_hint
from render.dataset.description import Description, read_description
from render.dataset.findings import Findings
from render.dataset.frame import Frame
from render.dataset.layout import DESCRIPTION
from render.dataset.pictures import MOST_SIDE_PX
from render.dataset.reader import Dataset
from render.errors import ConfigError, DatasetError
from render.report.verify.description import check_description
from render.report.verify.files import read_files
from render.report.verify.instances import check_instances
from render.report.verify.layout import check_layout, check_manifest
from render.report.verify.records import Row, Shard, Tally, read_shards
from render.report.verify.scenes import SceneCheck
from render.report.verify.theta import ThetaCheck
from render.system.console import progress
from render.system.stores import Folder
from render.writers.base import AbstractWriter, StoredFrame
from render.writers.chosen import Writers

__all__ = ["Verdict", "verify"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdict:
    """The result of a verification.

    Attributes:
        instances: Labelled targets.
        has_manifest: Also the hashes in `.manifest` were compared.

    """

    frames: int
    instances: int
    has_manifest: bool
    findings: Findings


def verify(folder: Folder) -> Verdict:
    """Reads a dataset back from disk and checks it against its records and itself.

    Neither the models nor the machine that made it are needed. Memory holds one shard of
    records, the files of one frame, and what the writers' checks keep.

    Raises:
        DatasetError: The folder is no dataset, or dataset.yaml is missing or torn.

    """
    description = read_description(folder)
    findings = Findings()
    writers = writers_of(folder, description)
    check_description(description, writers, folder, findings)
    check_layout(folder, description, writers, findings)
    checks = _Checks(Dataset(folder, description), description, writers, findings)
    tally = Tally(description)
    has_manifest = True
    with progress("verify", description.n_frames, unit="frame") as one_more:
        for shard in read_shards(folder, findings):
            has_manifest &= check_manifest(folder, shard, description, writers, findings)
            for frame in shard.frames:
                rows = shard.instances[frame["frame_idx"]]
                if tally.add(frame, rows, shard.file_frames, findings):
                    checks.frame(frame, shard)
                    one_more()
    tally.check(findings)
    checks.left_out()
    return Verdict(
        frames=tally.frames.total(),
        instances=tally.instances.total(),
        has_manifest=has_manifest,
        findings=findings,
    )


def writers_of(folder: Folder, description: Description) -> Writers:
    """The writers of a dataset on disk.

    Raises:
        DatasetError: Its config names some that are not known here.

    """
    output, version = description.config["output"], description.format_version
    try:
        return Writers.of(output, format_version=version)
    except ConfigError as error:
        hint = plugins_hint(description.config, ())
        raise DatasetError(f"{folder / DESCRIPTION}: its config: {error}{hint}") from error


def _possible(description: Description, findings: Findings) -> ThetaCheck:
    """What the config draws."""
    possible = ThetaCheck(description)
    hint = plugins_hint(description.config, ())
    for reason in possible.torn:
        if hint:  # a distribution may be a plug-in's
            raise DatasetError(f"{DESCRIPTION}: its config: {reason}{hint}")
        findings.require(False, f"config: {reason}", file=DESCRIPTION)
    return possible


class _Checks:
    """What the writers of a dataset check, each its own files."""

    def __init__(
        self, dataset: Dataset, description: Description, writers: Writers, findings: Findings
    ) -> None:
        self._dataset = dataset
        self._description = description
        self._possible = _possible(description, findings)
        self._scenes = SceneCheck(description)
        self._writers = writers
        self._image = writers.image
        self._findings = findings
        self._checks: dict[str, Callable[[StoredFrame], None]] = {}
        self._left_out: Counter[str] = Counter()
        for name, writer in self._writers.by_name.items():
            with self._told(writer):
                self._checks[name] = writer.check(dataset, findings)

    @contextmanager
    def _told(self, writer: AbstractWriter[Any], frame_idx: int | None = None) -> Iterator[None]:
        """Makes a problem of a check that fails: it may be a user's, and records may be torn."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever a user's writer raises
            self._findings.require(
                False,
                f"cannot be checked: {type(error).__name__}: {error}",
                file=writer.paths()[0], frame_idx=frame_idx,
            )  # fmt: skip

    def frame(self, frame: Row, shard: Shard) -> None:
        """Checks the record of a frame, its instances and its files."""
        idx, file = frame["frame_idx"], shard.file_frames
        key = self._description.key_of(idx)
        split, name = key.split, f"{key.stem}.{self._image}"

        def require(holds: object, message: str) -> bool:
            return self._findings.require(holds, message, file=file, frame_idx=idx)

        require(frame["split"] == split, f"split must be {split}, got {frame['split']}")
        require(frame["file_name"] == name, f"file_name must be {name}, got {frame['file_name']}")
        require(
            frame["attempt"] == len(frame["rejections"]), "attempt must be the number of rejections"
        )
        if not require(
            0 < frame["width"] <= MOST_SIDE_PX and 0 < frame["height"] <= MOST_SIDE_PX,
            f"size must be from 1 to {MOST_SIDE_PX} px, got {frame['width']} x {frame['height']}",
        ):
            return
        with np.errstate(all="ignore"):  # numbers of a stranger may be beyond all measure
            recorded = check_instances(
                frame,
                shard,
                description=self._description,
                possible=self._possible,
                scenes=self._scenes,
                findings=self._findings,
            )
        view = Frame(
            folder=self._dataset.folder,
            row={**frame, "split": split, "file_name": name},
            instances=tuple(shard.instances[idx]),
            depth_unit_m=self._description.depth_unit_m,
            names=self._description.names,
            sharding=self._description.sharding,
        )
        for row in view.labelled:
            self._left_out.update(self._writers.left_out(row))
        files = read_files(
            view, self._expected(view), file, self._findings,
            loose=self._writers.loose,
        )  # fmt: skip
        for name, check in self._checks.items():
            writer = self._writers.by_name[name]
            own = {path: data for path, data in files.items() if path in writer.frame_paths(view)}
            with self._told(writer, idx):
                check(StoredFrame(row=frame, view=view, files=own, recorded=recorded))

    def left_out(self) -> None:
        """Compares what files cannot hold with dataset.yaml, which says so since format 2."""
        written = self._description.counts.get("left_out")
        if self._description.format_version > 1 or written is not None:
            self._findings.require(
                written == dict(self._left_out),
                f"counts.left_out must be {dict(self._left_out)} by the records, got {written}",
                file=DESCRIPTION,
            )

    def _expected(self, view: Frame) -> list[str]:
        wanted: list[str] = []
        for writer in self._writers.by_name.values():
            with self._told(writer, view.frame_idx):
                wanted += writer.expected(view)
        return sorted(wanted)
