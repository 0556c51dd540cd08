"""WebDataset: the frames of a shard in tars, one for each split, which training reads as a stream.

A tar holds of each frame every file that was written of it and a JSON with its labels. All bytes
follow from these: owner, times and order are fixed.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, final

from render.dataset.layout import IMAGES, SPLITS, shard_name
from render.writers.base import WRITERS, AbstractWriter, NoSettings
from render.writers.coco import coco_annotation, coco_categories, coco_image

if TYPE_CHECKING:
    from render.dataset.reader import Frame

__all__ = ["WebdatasetWriter", "frame_labels", "frame_members"]

_TEMPLATE = "webdataset/{split}/{shard}.tar"
_IMAGES = PurePosixPath(IMAGES).parts[0]
_MODE = 0o644


@final
@WRITERS.register("webdataset")
class WebdatasetWriter(AbstractWriter[NoSettings]):
    """A tar of each shard for each split that it has frames of."""

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return (_TEMPLATE,)

    def shard_files(self, views: Sequence[Frame], shard_idx: int) -> dict[str, Iterator[bytes]]:
        return {
            _TEMPLATE.format(split=split, shard=shard_name(shard_idx)): _tar(frames)
            for split in SPLITS
            if (frames := [view for view in views if view.split == split])
        }


def frame_members(frame: Frame) -> dict[str, bytes]:
    """What a tar holds of a frame, by name, in order.

    The picture is ``<stem>.jpg`` or ``.png``, the labels are ``<stem>.json``, and a file of
    another folder has its name before the suffix: ``<stem>.ids.png``. Files whose names do not
    begin with the stem, as a user's writer may have them, are left out: readers could not tell
    which frame they are of.
    """
    members = {f"{frame.stem}.json": json.dumps(frame_labels(frame), allow_nan=False).encode()}
    for name, data in frame.files.items():
        path = PurePosixPath(name)
        if path.name.startswith(f"{frame.stem}."):
            folders = [part for part in path.parent.parts if part not in (_IMAGES, *SPLITS)]
            members[".".join([frame.stem, *folders, path.name[len(frame.stem) + 1 :]])] = data
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
