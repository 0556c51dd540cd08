"""Pictures of every format: backgrounds, textures, maps of the light around."""

from __future__ import annotations

import io
import os
import struct
import zlib
from functools import cache
from pathlib import Path
from random import Random

import cv2
import numpy as np
from PIL import Image

from render.library.environments import EnvironmentLibrary
from render.library.images import ImageLibrary
from tests.fuzz.kind import AbstractKind
from tests.fuzz.mutators import damaged

__all__ = ["PictureKind", "picture"]

_MODES = {
    "jpg": ("RGB", "L", "CMYK"),
    "png": ("RGB", "RGBA", "L", "P", "I;16", "1"),
    "webp": ("RGB", "RGBA"),
    "tif": ("RGB", "RGBA", "L", "I;16", "F", "CMYK"),
    "bmp": ("RGB", "L", "P"),
}
_RADIANCE = ("hdr", "exr")


class PictureKind(AbstractKind):
    """One picture, damaged; of a PNG the checksums are made right again, at times."""

    name = "pictures"

    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        suffix = rng.choice((*_MODES, *_RADIANCE))
        if suffix in _RADIANCE:
            data = _radiance(suffix)
        else:
            data = picture(suffix, rng.choice(_MODES[suffix]))
        data = _of_other_size(suffix, data, rng) if rng.random() < 0.25 else damaged(data, rng)
        if suffix == "png" and rng.random() < 0.7:
            data = _with_checksums(data)
        (folder / f"picture.{suffix}").write_bytes(data)

    def use(self, folder: Path) -> str:
        pictures, maps = ImageLibrary(folder, what="backgrounds"), EnvironmentLibrary(folder)
        if pictures.names:
            pictures.check_all()
            assert pictures.load(pictures.names[0]).dtype == np.uint8
        else:
            maps.check_all()
            radiance = maps.load(maps.names[0])
            assert radiance.n_bytes > 0
        return "accepted"


@cache
def picture(suffix: str, mode: str = "RGB") -> bytes:
    """A small picture: a gradient with some grain."""
    y, x = np.mgrid[:24, :32]
    grain = np.random.default_rng(3).integers(0, 30, (24, 32))
    grey = (3 * x + 4 * y + grain).astype(np.uint8)
    rgb = Image.fromarray(np.stack([grey, grey[::-1], grey[:, ::-1]], axis=2))
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "RGBA":
        image = rgb.copy()
        image.putalpha(Image.fromarray(grey))
    else:
        image = rgb.convert(mode)
    out = io.BytesIO()
    image.save(out, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
    return out.getvalue()


@cache
def _radiance(suffix: str) -> bytes:
    os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
    light = np.random.default_rng(4).gamma(1.0, 2.0, (16, 32, 3)).astype(np.float32)
    _, data = cv2.imencode(f".{suffix}", light)
    return data.tobytes()


def _of_other_size(suffix: str, data: bytes, rng: Random) -> bytes:
    """The picture with a width or a height in its header that its pixels do not fill."""
    side = rng.choice((0, 1, 31, 33, 4000, 32_000, 65_535, 200_000, 2**31 - 1, 2**32 - 1))
    if suffix == "hdr":
        return data.replace(rng.choice((b"-Y 16", b"+X 32")), b"-Y %d +X %d" % (side, 2 * side))
    order, bits = {"png": (">", 32), "jpg": (">", 16)}.get(suffix, ("<", 32))
    wide = 31 if suffix == "exr" else 32  # the last column, in place of their number
    found = struct.pack(f"{order}{'I' if bits == 32 else 'H'}", wide)
    new = (side % 2**bits).to_bytes(bits // 8, "little" if order == "<" else "big")
    places = [at for at in range(len(data)) if data.startswith(found, at)]
    if not places:
        return damaged(data, rng)
    at = rng.choice(places[:4])
    return data[:at] + new + data[at + len(new) :]


def _with_checksums(data: bytes) -> bytes:
    out, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        if len(body) < length + 4:
            break
        out += data[at : at + 8 + length] + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return out + data[at:]
