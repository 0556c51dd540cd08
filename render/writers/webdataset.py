"""WebDataset: the frames of a shard in tars, one for each split, which training reads as a stream.

A tar holds of each frame every file that was written of it and a JSON with its labels. All bytes
follow from these: owner, times and order are fixed.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from render.config.settings import setting
from render.dataset.layout import SPLITS, TARS, tar_path
from render.dataset.tars import member_name
from render.errors import ConfigError
from render.writers.base import WRITERS, AbstractWriter
from render.writers.coco import coco_annotation, coco_categories, coco_image

if TYPE_CHECKING:
    from render.dataset.frame import Frame

__all__ = ["WebdatasetSettings", "WebdatasetWriter", "check_tars", "frame_labels", "frame_members"]

_MODE = 0o644
_STEM = "0" * 8  # of any frame


@dataclass(frozen=True, kw_only=True)
class WebdatasetSettings:
    """Keys of ``output`` that are the tars'."""

    loose: bool = setting(
        kind="flag",
        default=True,
        doc="Whether the files of frames also lie in folders; false: in the tars of "
        "`output.formats=[webdataset]` alone.",
        example="false",
    )


@final
@WRITERS.register("webdataset")
class WebdatasetWriter(AbstractWriter[WebdatasetSettings]):
    """A tar of each shard for each split that it has frames of."""

    Settings = WebdatasetSettings

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return (TARS.text,)

    def shard_files(self, views: Sequence[Frame], shard_idx: int) -> dict[str, Iterator[bytes]]:
        return {
            tar_path(split, shard_idx): _tar(frames)
            for split in SPLITS
            if (frames := [view for view in views if view.split == split])
        }


def frame_members(frame: Frame) -> dict[str, bytes]:
    """What a tar holds of a frame, by name, in order.

    The labels are ``<stem>.json``, and its files are called as `render.dataset.tars.member_name`
    has it; those that a tar cannot hold are left out.
    """
    members = {f"{frame.stem}.json": json.dumps(frame_labels(frame), allow_nan=False).encode()}
    for name, data in frame.files.items():
        if (member := member_name(frame.stem, name)) is not None:
            members[member] = data
    return dict(sorted(members.items()))


def frame_labels(frame: Frame) -> dict[str, Any]:
    """The labels of a frame: COCO's entry of its image, categories and annotations.

    Ids of annotations count from 1 within the frame; masks are run lengths.
    """
    ids = {name: i for i, name in enumerate(frame.names.categories, start=1)}
    return {
        **coco_image(frame.row),
        "split": frame.split,
        "depth_unit_m": frame.depth_unit_m,
        "categories": list(coco_categories(frame.names)),
        "annotations": [
            coco_annotation(row, annotation_id=n, category_id=ids[row["category"]])
            for n, row in enumerate(frame.labelled, start=1)
        ],
    }


def check_tars(writers: Mapping[str, AbstractWriter[Any]]) -> None:
    """Tars are written and can hold every file of a frame, as they must where they alone do.

    Raises:
        ConfigError: It is not so.

    """
    if "webdataset" not in writers:
        raise ConfigError(
            "output.loose must be true where no tars are written, got false: "
            "'output.formats=[webdataset]' writes them"
        )
    taken = {f"{_STEM}.json": "its labels"}
    for name, writer in writers.items():
        for template in (one for one in writer.templates if "stem" in one.fields):
            path = template.paths(split="train", stem=_STEM)[0]
            member = member_name(_STEM, path)
            if member is None or taken.setdefault(member, path) != path:
                raise ConfigError(
                    f"output.loose must be true with {name}, because a tar cannot hold "
                    f"{template.text}: its name must begin with {{stem}}. and be no other's"
                )


def _tar(frames: Sequence[Frame]) -> Iterator[bytes]:
    """A tar in parts; the files of one frame are in memory at a time."""
    size = 0
    for frame in frames:
        for part in _entries(frame_members(frame)):
            size += len(part)
            yield part
    # Two blocks of zeros end a tar, which is filled up to whole records.
    end = 2 * tarfile.BLOCKSIZE
    yield bytes(end + -(size + end) % tarfile.RECORDSIZE)


def _entries(members: Mapping[str, bytes]) -> Iterator[bytes]:
    for name, data in members.items():
        info = tarfile.TarInfo(name)  # of nobody, at the beginning of time
        info.size, info.mode = len(data), _MODE
        yield info.tobuf(tarfile.USTAR_FORMAT)
        yield data + bytes(-len(data) % tarfile.BLOCKSIZE)
