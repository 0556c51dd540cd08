"""Files that a model file names: where they may lie, found, read; images decoded once.

They are regular files below the models folder, or below the folder in which the model lies: a name
with ``..`` may go up in it, and neither name nor link may lead out of it.
"""

from __future__ import annotations

import errno
import unicodedata
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.library.readers.notes import Notes
from render.library.readers.raw import READ_ERRORS
from render.system.pictures import rgba_of_bytes
from render.system.plain_data import read_regular

__all__ = ["MOST_BYTES", "Companions", "Fault"]

MOST_BYTES = 2**32
"""The largest file of a model; 64 million triangles take less in any binary format."""

_MOST_PIXELS = 400_000_000  # of all images of one model: 1.6 GB
_KTX2 = b"\xabKTX 20"


class Fault(Enum):
    """Why a companion file is not read."""

    MISSING = "are missing"
    OUTSIDE = "lie outside the models folder"
    SPECIAL = "are no regular files"
    UNREADABLE = "cannot be read"
    LARGE = "are too large"


class Companions:
    """The files that one model file names.

    Attributes:
        paths: Files read, in reading order.
        is_whole: Whether all that were asked for were read.

    """

    def __init__(self, path: Path, root: Path, notes: Notes) -> None:
        """Reads nothing.

        Args:
            path: The model file.
            root: The models folder.
            notes: Gets what is wrong with images.

        """
        self.paths: list[Path] = []
        self.is_whole = True
        self._folder = path.parent
        # A link to a folder of models brings their companions with it.
        self._roots = (root.resolve(), path.parent.resolve())
        self._notes = notes
        self._images: dict[Path, NDArray[np.uint8] | None] = {}
        self._n_pixels = 0
        self._data: dict[Path, bytes] = {}

    def find(self, name: str, *, or_beside: bool = False) -> Path | Fault:
        """A file as it is named, else with another case of its letters.

        Args:
            name: Relative to the folder of the model; ``/`` or a backslash parts folders.
            or_beside: Else look beside the model for the last part of the name, because programs
                write the folders of the machine that they ran on.

        """
        parts = [p for p in name.strip().strip('"').replace("\\", "/").split("/") if p]
        found: Path | Fault = Fault.MISSING
        for tail in (parts, parts[-1:]) if or_beside else (parts,):
            if not tail:
                break
            try:
                at = self._at(self._folder.joinpath(*tail))
            except (OSError, ValueError, RuntimeError):  # a name too long, a zero byte, a loop
                continue
            if isinstance(at, Path):
                return at
            if found is Fault.MISSING:
                found = at
        return found

    def _at(self, path: Path) -> Path | Fault:
        folder = path.parent.resolve()
        if not self._is_inside(folder):
            return Fault.OUTSIDE
        if not path.exists() and folder.is_dir():
            same = [p for p in folder.iterdir() if _spelled(p.name) == _spelled(path.name)]
            path = path.parent / min(same).name if same else path
        if not path.exists():
            return Fault.MISSING
        if not self._is_inside(path.resolve()):
            return Fault.OUTSIDE
        return path if path.is_file() else Fault.SPECIAL

    def _is_inside(self, resolved: Path) -> bool:
        return any(resolved.is_relative_to(root) for root in self._roots)

    def read(self, name: str, *, or_beside: bool = False) -> bytes | Fault:
        """The bytes of a file, as `find` finds it."""
        found = self.find(name, or_beside=or_beside)
        if isinstance(found, Path):
            try:
                data = self._bytes(found)
            except OSError as error:
                found = Fault.LARGE if error.errno == errno.EFBIG else Fault.UNREADABLE
            else:
                if found not in self.paths:
                    self.paths.append(found)
                return data
        self.is_whole = False
        return found

    def _bytes(self, path: Path) -> bytes:
        """The bytes of a file, held once however often and by whatever names it is asked for."""
        file = path.resolve()
        if file not in self._data:
            held = sum(map(len, self._data.values()))
            self._data[file] = read_regular(file, most=MOST_BYTES - held)
        return self._data[file]

    def image(self, name: str) -> NDArray[np.uint8] | None:
        """``(H, W, 4)`` uint8, read-only; None, with a note, where it cannot be had."""
        found = self.find(name, or_beside=True)
        if isinstance(found, Path) and found in self._images:
            return self._images[found]
        data = self.read(name, or_beside=True)
        if isinstance(data, Fault):
            self._notes.add(f"textures {data.value}; the factors alone are drawn", name)
            return None
        image = self.decoded(data, self.paths[-1].name)
        if isinstance(found, Path):
            self._images[found] = image
        return image

    def decoded(self, data: bytes | memoryview, name: str) -> NDArray[np.uint8] | None:
        """The image that bytes of the model's own hold; as `image`."""
        if data[:7] == _KTX2:
            kind = "textures of KTX2 are not decoded; the factors alone are drawn"
            self._notes.add(kind, name)
            return None
        if self._n_pixels > _MOST_PIXELS:
            kind = f"textures beyond {_MOST_PIXELS // 10**6} megapixels in all are not drawn"
            self._notes.add(kind, name)
            return None
        try:
            image = rgba_of_bytes(data)
        except READ_ERRORS as error:
            kind = "textures cannot be decoded; the factors alone are drawn"
            self._notes.add(kind, f"{name} ({error})")
            return None
        self._n_pixels += image.size // 4
        return image


def _spelled(name: str) -> str:
    """A file's name whatever the case of its letters, and however it composes those with marks."""
    return unicodedata.normalize("NFC", name).casefold()
