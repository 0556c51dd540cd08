"""The files of a frame, which lie in the dataset's folders or in the tar of its shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, final

from render.dataset.layout import tar_path
from render.dataset.sharding import Sharding
from render.dataset.tars import member_name, read_member
from render.system.plain_data import MOST_BYTES, read_regular
from render.system.stores import Folder

__all__ = ["FrameFiles"]


@final
@dataclass(frozen=True)
class FrameFiles:
    """The files of one frame of a dataset, by their paths relative to it.

    Attributes:
        folder: The dataset.
        frame: The record of the frame.
        sharding: That of the dataset.

    """

    folder: Folder
    frame: Mapping[str, Any]
    sharding: Sharding

    def read(self, path: str, *, most: int = MOST_BYTES) -> bytes:
        """The bytes of a file: of the file itself where it is there, else of the tar.

        Args:
            path: As the record names it.
            most: How many bytes it may have.

        Raises:
            OSError: It is in neither place, cannot be read, or is larger.
            DatasetError: The tar is torn.

        """
        try:
            return read_regular(self.folder / path, most=most)
        except FileNotFoundError:
            if not self._tar.is_file():
                raise
        return self.read_from_tar(path, most=most)

    def read_from_tar(self, path: str, *, most: int = MOST_BYTES) -> bytes:
        """As `read`, of the tar alone."""
        stem = PurePosixPath(self.frame["file_name"]).stem
        return read_member(self._tar, member_name(stem, path) or path, most=most)

    @property
    def _tar(self) -> Folder:
        shard_idx = self.sharding.shard_of(int(self.frame["frame_idx"]))
        return self.folder / tar_path(self.frame["split"], shard_idx)
