"""Every picture under a folder: backgrounds, textures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError, ConfigError
from render.library.files import check_name, find_files
from render.library.foreign import HEIF_SUFFIXES, foreign_pictures, has_heif
from render.library.readers.raw import READ_ERRORS
from render.system.cache import Cache
from render.system.pictures import MAX_BYTES, rgb_on_white
from render.system.plain_data import read_regular

__all__ = ["IMAGE_SUFFIXES", "ImageLibrary"]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_CACHE_BYTES = 256 * 2**20
_THREADS = 4


@final
class ImageLibrary:
    """The pictures of one folder, by path relative to it; there may be none, and no folder.

    Attributes:
        folder: Searched with all folders in it.
        names: Sorted, with ``/``.

    """

    def __init__(self, folder: Path, *, what: str) -> None:
        """Finds files, loads none.

        Args:
            folder: Folder of the pictures; those in folders below it count as well.
            what: What they are, as the config has it: ``assets.<what>_dir``.

        """
        self.folder = folder
        suffixes = IMAGE_SUFFIXES | (HEIF_SUFFIXES if has_heif() else frozenset())
        self.names: tuple[str, ...] = tuple(sorted(find_files(folder, suffixes)))
        self._what = what
        self._sha256: str | None = None
        self._cache: Cache[str, NDArray[np.uint8]] = Cache(_CACHE_BYTES, lambda image: image.nbytes)

    def load(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` uint8 display sRGB, read-only; upright, transparent parts on white.

        Raises:
            AssetError: It cannot be decoded.

        """
        image = self._cache.get(name)
        if image is None:
            image = _decode(self.folder / name)
            self._cache.put(name, image)
        return image

    @property
    def passed_over(self) -> tuple[str, ...]:
        """A sentence on the pictures of each kind that cannot be read."""
        return tuple(foreign_pictures(self.folder))

    @property
    def sha256(self) -> str | None:
        """SHA-256 (hex) over the names and bytes of all pictures; None before `check_all`."""
        return self._sha256

    def check_all(self) -> None:
        """Decodes every picture once.

        Raises:
            ConfigError: There is none.
            AssetError: Some cannot be decoded; the message names all of them.

        """
        if not self.names:
            told = f"({' '.join(sorted(IMAGE_SUFFIXES))}), got {self.folder}"
            raise ConfigError(
                f"assets.{self._what}_dir must be a folder with pictures "
                f"{'; '.join((told, *self.passed_over))}"
            )
        with ThreadPoolExecutor(_THREADS) as pool:
            checked = list(pool.map(self._check, self.names))
        if bad := [each for each in checked if isinstance(each, AssetError)]:
            raise self._refusal(bad)
        digests = (each for each in checked if isinstance(each, bytes))
        whole = hashlib.sha256()
        for name, digest in zip(self.names, digests, strict=True):
            whole.update(hashlib.sha256(name.encode()).digest() + digest)
        self._sha256 = whole.hexdigest()

    def _check(self, name: str) -> bytes | AssetError:
        # Decoded and let go: a folder of photographs may be larger than memory.
        path = self.folder / name
        try:
            check_name(self.folder, name)
            _decode(path)
        except AssetError as error:
            return error
        return hashlib.sha256(path.read_bytes()).digest()

    def _refusal(self, bad: Sequence[AssetError]) -> AssetError:
        if len(bad) == 1:
            return bad[0]
        reasons = "; ".join(f"{e.path.relative_to(self.folder)}: {e.reason}" for e in bad)
        return AssetError(self.folder, f"{len(bad)} of its pictures cannot be used: {reasons}")


def _decode(path: Path) -> NDArray[np.uint8]:
    try:
        return rgb_on_white(read_regular(path, most=MAX_BYTES))
    except READ_ERRORS as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise AssetError(path, f"is not a picture that can be decoded: {reason}") from error
