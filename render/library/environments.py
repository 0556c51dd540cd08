"""Environment maps by name: read, checked, made ready for shading, the latest ones cached."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.environment_map import build_environment
from render.library.files import check_name, find_files
from render.library.foreign import foreign_environments
from render.library.radiance_header import promised_size
from render.scene import EnvironmentMap
from render.system.cache import Cache
from render.system.files import sha256_of_file
from render.system.pictures import MAX_BYTES, check_size
from render.system.plain_data import read_regular

__all__ = ["EnvironmentLibrary", "read_radiance"]

_SUFFIXES = frozenset({".hdr", ".exr"})
_CACHE_BYTES = 512 * 2**20
# What a backdrop can show; more is averaged away, with all of its light.
_MOST_WIDE = 2048
_MOST = 1e7
_STRIP_ROWS = 64

# OpenCV reads OpenEXR only where this is set before its first picture.
os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")


@final
class EnvironmentLibrary:
    """The .hdr and .exr files below a folder.

    Attributes:
        folder: Where they lie.
        names: Paths below it, with ``/``, sorted.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = tuple(sorted(find_files(folder, _SUFFIXES)))
        self._cache: Cache[str, EnvironmentMap] = Cache(_CACHE_BYTES, lambda map_: map_.n_bytes)
        self._sha256: str | None = None

    @property
    def passed_over(self) -> tuple[str, ...]:
        """A sentence on the pictures of each kind that are no environment maps."""
        return tuple(foreign_environments(self.folder))

    @property
    def sha256(self) -> str | None:
        """SHA-256 (hex) over the names and bytes of all maps; None before `check_all`."""
        return self._sha256

    def load(self, name: str) -> EnvironmentMap:
        """A map, ready for shading.

        Raises:
            AssetError: It cannot be read, or is no map of the whole sphere.

        """
        found = self._cache.get(name)
        if found is None:
            found = build_environment(name, read_radiance(self.folder / name))
            self._cache.put(name, found)
        return found

    def check_all(self) -> None:
        """Reads each map once.

        Raises:
            AssetError: One cannot be used, or there are none.

        """
        if not self.names:
            told = "must hold environment maps (.hdr, .exr), and has none"
            raise AssetError(self.folder, "; ".join((told, *self.passed_over)))
        digest = hashlib.sha256()
        for name in self.names:
            path = self.folder / name
            check_name(self.folder, name)
            read_radiance(path)
            digest.update(f"{name} {sha256_of_file(path)}\n".encode())
        self._sha256 = digest.hexdigest()


def read_radiance(path: Path) -> NDArray[np.float32]:
    """``(H, W, 3)`` linear RGB, finite and not negative, at most 2048 wide.

    Single bad pixels (NaN, negative) count as black, infinite ones as the brightest that is
    not. A pixel of the file costs at most 17 bytes of memory.

    Raises:
        AssetError: Not there, not an image, larger than `render.system.pictures` allows, not
            twice as wide as high, or without any light.

    """
    bgr = _decoded(path)
    height, width = bgr.shape[:2]
    strips = [bgr[top : top + _STRIP_ROWS] for top in range(0, height, _STRIP_ROWS)]
    brightest = max(float(s[np.isfinite(s)].max(initial=0.0)) for s in strips)
    if brightest <= 0.0:
        raise AssetError(path, "has no light in it")
    for strip in strips:
        np.nan_to_num(strip, copy=False, nan=0.0, posinf=brightest, neginf=0.0)
        np.clip(strip, 0.0, min(brightest, _MOST), out=strip)
    if width > _MOST_WIDE:
        size_wh = (_MOST_WIDE, _MOST_WIDE // 2)
        bgr = np.asarray(cv2.resize(bgr, size_wh, interpolation=cv2.INTER_AREA), np.float32)
    return np.ascontiguousarray(bgr[..., ::-1])


def _decoded(path: Path) -> NDArray[np.float32]:
    """``(H, W, 3)``, blue first, twice as wide as high."""
    try:
        data = read_regular(path, most=MAX_BYTES)
        width, height = promised_size(data)
        check_size(width, height, len(data))
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except OSError as error:
        raise AssetError(path, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise AssetError(path, f"cannot be read as an HDR image: it {error}") from error
    except cv2.error as error:
        raise AssetError(path, "cannot be read as an HDR image") from error
    if image is None:
        raise AssetError(path, "cannot be read as an HDR image: it is cut off or broken")
    if image.ndim != 3 or image.shape[2] < 3 or image.dtype != np.float32:
        raise AssetError(path, "must have three channels of floats")
    if abs(width - 2 * height) > 0.01 * width:
        raise AssetError(
            path,
            f"must be twice as wide as high (equirectangular), got {width} x {height}",
        )
    return np.ascontiguousarray(image[..., :3], np.float32)
