"""Files that a model file names: found beside it, images decoded once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.library.readers.raw import READ_ERRORS
from render.system.files import read_regular
from render.system.pictures import MAX_BYTES, rgba_of_bytes

__all__ = ["ImageReader", "find_companion"]


def find_companion(folder: Path, name: str) -> Path | None:
    """A file named by another one: as written, else with another case, else by its bare name."""
    parts = [p for p in name.strip().strip('"').replace("\\", "/").split("/") if p]
    if not parts:
        return None
    for tail in (parts, parts[-1:]):
        try:
            direct = folder.joinpath(*tail)
            if direct.is_file():
                return direct
            if direct.parent.is_dir():
                same = [p for p in direct.parent.iterdir() if p.name.lower() == tail[-1].lower()]
                if same:
                    return min(same)
        except (OSError, ValueError):
            continue
    return None


class ImageReader:
    """Reads the images that one model file names, each once.

    Attributes:
        warnings: What is missing or cannot be decoded.
        companions: Files read.

    """

    def __init__(self, folder: Path) -> None:
        self.warnings: list[str] = []
        self.companions: list[Path] = []
        self._folder = folder
        self._images: dict[Path, NDArray[np.uint8] | None] = {}

    def read(self, name: str) -> NDArray[np.uint8] | None:
        """``(H, W, 4)`` uint8, read-only; None, with a warning, where it cannot be had."""
        path = find_companion(self._folder, name)
        if path is None:
            self._warn(f"texture {name} is missing; the factors alone are drawn")
            return None
        if path not in self._images:
            self._images[path] = self._decode(path)
        return self._images[path]

    def _decode(self, path: Path) -> NDArray[np.uint8] | None:
        try:
            image = rgba_of_bytes(read_regular(path, most_bytes=MAX_BYTES))
        except READ_ERRORS as error:
            self._warn(f"texture {path.name} cannot be decoded ({error})")
            return None
        self.companions.append(path)
        return image

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
