"""What a reader is given: the bytes of a model file, and the way to what it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from render.errors import AssetError
from render.library.readers.companion_files import MOST_BYTES, Companions
from render.library.readers.notes import Notes
from render.system.plain_data import read_regular

__all__ = ["Source"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """One model file while it is read.

    Attributes:
        path: For its name and for messages.
        data: All bytes of it.
        notes: What is left out or replaced.
        companions: The files it names.

    """

    path: Path
    data: bytes
    notes: Notes
    companions: Companions

    @classmethod
    def open(cls, path: Path, root: Path | None) -> Source:
        """Reads a file.

        Args:
            path: A model file.
            root: The models folder, in which its companions lie; None for its own folder.

        Raises:
            AssetError: It is no regular file: a pipe or device would be read without end.
            OSError: It is not there, may not be read, or is too large.

        """
        if path.exists() and not path.is_file():
            raise AssetError(path, "must be a regular file, got a folder, pipe or device")
        notes = Notes()
        companions = Companions(path, path.parent if root is None else root, notes)
        data = read_regular(path, most=MOST_BYTES)
        return cls(path=path, data=data, notes=notes, companions=companions)
