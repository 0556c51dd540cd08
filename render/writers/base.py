"""What every writer is: files of a frame, a shard and a finished dataset, and their checks."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from render.dataset.findings import Findings
from render.dataset.frame_view import FrameView, LabelNames
from render.dataset.layout import NUMBERED, PathTemplate
from render.system.plain_data import open_regular
from render.system.registry import Registry

if TYPE_CHECKING:
    from render.dataset.frame import Frame
    from render.dataset.reader import Dataset

__all__ = ["WRITERS", "AbstractWriter", "NoSettings", "RecordedPixels", "Row", "StoredFrame"]

Row = Mapping[str, Any]
S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class NoSettings:
    """The settings of a writer that has no keys of its own."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordedPixels:
    """What the records of a frame say about its pixels.

    Attributes:
        ids: ``(H, W)`` int32: 0 is none, ``instance_idx + 1`` otherwise.
        near_m: Depth of the near plane.
        far_m: Depth of the far plane.
        has_fixtures: Things without a label may be seen.

    """

    ids: NDArray[np.int32]
    near_m: float
    far_m: float
    has_fixtures: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredFrame:
    """A frame on disk whose files are checked against its records.

    Attributes:
        row: Its record.
        view: The frame as the writer had it.
        files: Bytes of the writer's files of this frame, by path; those that can be read.
        recorded: None where the records say nothing that can be relied on.

    """

    row: Row
    view: FrameView
    files: Mapping[str, bytes]
    recorded: RecordedPixels | None


class AbstractWriter(abc.ABC, Generic[S]):
    """Writes one kind of files; overrides what it has to write of the three kinds.

    It returns bytes and touches no disk: who calls it writes each file whole or not at all, and
    writes the files of a frame when every writer has returned its own.

    Attributes:
        Settings: Frozen dataclass whose fields, declared by `render.config.settings.setting`, are
            this writer's keys of ``output``.
        switch: That key of ``output`` which turns the writer on; None: its name in
            ``output.formats`` does.
        maps: What it needs of each pixel beside ids and depth: of ``normals``, ``nocs``, ``parts``
            and ``depth_sensor``.

    """

    Settings: ClassVar[type[Any]] = NoSettings
    switch: ClassVar[str | None] = None
    maps: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @classmethod
    @abc.abstractmethod
    def paths(cls) -> tuple[str, ...]:
        """Templates of all its files: see `render.dataset.layout`. No other writer has them."""

    @classmethod
    def leftovers(cls) -> tuple[str, ...]:
        """Templates of what programs that read this format leave in the folder."""
        return ()

    def accept(self, names: LabelNames) -> None:
        """Looks at a dataset before its first frame.

        Raises:
            ConfigError: The dataset cannot be written in this form.

        """

    @cached_property
    def templates(self) -> tuple[PathTemplate, ...]:
        """`paths` with the settings filled in."""
        values = {f.name: getattr(self.settings, f.name) for f in fields(self.Settings)}
        return tuple(PathTemplate(text).filled(values) for text in self.paths())

    def frame_paths(self, view: FrameView) -> tuple[str, ...]:
        """What the templates of frames give for a frame."""
        of_frames = (one for one in self.templates if "stem" in one.fields)
        return tuple(p for t in of_frames for p in t.paths(split=view.split, stem=view.stem))

    def expected(self, view: FrameView) -> Sequence[str]:
        """Which of its `frame_paths` a frame must have; by default all of them."""
        return self.frame_paths(view)

    def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
        """The files of a frame, by path relative to the dataset; just those of `expected`."""
        return {}

    def shard_files(self, views: Sequence[Frame], shard_idx: int) -> Mapping[str, Iterable[bytes]]:
        """The files of a shard, in parts, by path; asked for when its frames are on disk.

        One whose path has a split is there if the shard has frames of it.

        Args:
            views: Its frames, read back, in order.
            shard_idx: Its number, from 0; the shard in the paths has six digits.

        """
        return {}

    def whole_paths(self, n_frames: int) -> Sequence[str]:
        """Its files of the whole dataset, by how many frames that has.

        By default one of each template that has no ``part``, whatever their number.
        """
        whole = (one for one in self.templates if not one.fields & NUMBERED)
        return tuple(path for one in whole for path in one.paths())

    def finish_files(self, dataset: Dataset) -> Mapping[str, Iterable[bytes]]:
        """The files of the whole dataset, in parts, by path; asked for when all frames are there.

        They are those of `whole_paths`. Parts are made one by one, file after file in this order,
        so that memory does not grow with the dataset.
        """
        return {}

    def left_out(self, row: Row) -> Mapping[str, int]:
        """What its files cannot hold of a labelled instance, counted, by a phrase of a few words.

        The sums stand in dataset.yaml, and in the summary where one is above 0.
        """
        return {}

    def check(self, dataset: Dataset, findings: Findings) -> Callable[[StoredFrame], None]:
        """Checks what a dataset on disk holds of this writer; what is missing is found already.

        By default the files must be those that the writer makes of the dataset as it is.

        Returns:
            What checks the files of one frame.

        """
        wholes: Iterable[Mapping[str, Iterable[bytes]]] = [self.finish_files(dataset)]
        if any("shard" in template.fields for template in self.templates):
            shards = dataset.frames.shards()
            wholes = chain(wholes, (self.shard_files(views, i) for i, views in shards))
        for path, parts in chain.from_iterable(whole.items() for whole in wholes):
            if (dataset.folder / path).is_file():
                same = _is_made_of(dataset, path, parts)
                findings.require(same, "is not what the records give", file=path)

        def check_frame(stored: StoredFrame) -> None:
            made = self.frame_files(stored.view)
            for path, data in stored.files.items():
                findings.require(
                    made.get(path) == data,
                    "is not what the records give",
                    file=path, frame_idx=stored.view.frame_idx,
                )  # fmt: skip

        return check_frame

    def train_command(self, folder: Path) -> str | None:
        """A command that trains on the dataset in a folder; None where there is no usual one."""
        return None


def _is_made_of(dataset: Dataset, path: str, parts: Iterable[bytes]) -> bool:
    with open_regular(dataset.folder / path) as file:
        return all(file.read(len(part)) == part for part in parts) and not file.read(1)


WRITERS: Registry[AbstractWriter[Any]] = Registry(
    AbstractWriter,  # type: ignore[type-abstract]
    key="output.formats",
    home="render.writers",
)
"""Every writer by its name."""
