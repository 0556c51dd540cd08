"""Picture files, decoded within bounds: what one costs is known from its header.

A file of a few kilobytes can promise gigabytes of pixels, so the header is held against bounds
before memory is asked for: at most `MAX_PIXELS`, and beyond `FREE_PIXELS` at most
`PIXELS_PER_BYTE` for each byte of the file. Photographs of 150 megapixels pass (they have less
than 20 pixels a byte), and 8192 x 8192 of a single colour. A pixel costs at most 9 bytes of
memory, 4 decoded and 4 given, because all conversions are done in strips; in WebP it costs 18,
which its decoder takes. So a file of N bytes costs at most 18 max(67 million, 64 N) bytes.

Headers that promise too much, files that are cut off and formats other than those of `FORMATS`
(for some of which Pillow runs programs) raise ValueError or OSError; on broken files, decoders may
raise nearly anything.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import struct
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

__all__ = [
    "FORMATS",
    "FREE_PIXELS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "PIXELS_PER_BYTE",
    "check_size",
    "rgb_on_white",
    "rgba_of_bytes",
]

MAX_BYTES = 2**30
MAX_PIXELS = 160_000_000
FREE_PIXELS = 2**26
PIXELS_PER_BYTE = 64
# Pillow's names, and the modules that it reads them with, of which each is imported when a picture
# is none of those before; the last has no mark that it is known by, and takes what no other knows.
_MODULES = {
    "JPEG": "Jpeg", "PNG": "Png", "WEBP": "WebP", "BMP": "Bmp", "DIB": "Bmp", "TIFF": "Tiff",
    "GIF": "Gif", "PPM": "Ppm", "DDS": "Dds", "JPEG2000": "Jpeg2K", "PCX": "Pcx", "SGI": "Sgi",
    "AVIF": "Avif", "TGA": "Tga",
}  # fmt: skip
FORMATS = tuple(_MODULES)
_HEIF_MARKS = tuple(b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"))
_STRIP_PIXELS = 2**18

_Rgba = NDArray[np.uint8]


def rgba_of_bytes(data: bytes | memoryview) -> NDArray[np.uint8]:
    """``(H, W, 4)`` uint8, display sRGB, upright, read-only, of the first picture of a file."""
    return _filled(data, 4, lambda rgba: rgba)


def rgb_on_white(data: bytes | memoryview) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8: as `rgba_of_bytes`, on white as viewers show transparent parts."""
    return _filled(data, 3, _on_white)


def check_size(width: int, height: int, n_bytes: int) -> None:
    """Checks what a header promises.

    Args:
        width: Pixels.
        height: Pixels.
        n_bytes: Size of the file.

    Raises:
        ValueError: It is beyond the bounds.

    """
    n_pixels = width * height
    if n_pixels > MAX_PIXELS:
        raise ValueError(
            f"must have at most {MAX_PIXELS // 10**6} megapixels, got {width} x {height}: "
            "make it smaller"
        )
    if n_pixels > max(FREE_PIXELS, PIXELS_PER_BYTE * n_bytes):
        raise ValueError(
            f"must have a byte for every {PIXELS_PER_BYTE} pixels where it has more than "
            f"{FREE_PIXELS // 10**6} megapixels, got {width} x {height} in {n_bytes} bytes: "
            "make it smaller"
        )


def _filled(
    data: bytes | memoryview, channels: int, look: Callable[[_Rgba], _Rgba]
) -> NDArray[np.uint8]:
    """The upright picture, with what `look` makes of the strips of its RGBA."""
    image = _opened(data)
    image.load()
    # Asked afterwards, because some formats are turned while they are loaded.
    turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    width, height = image.size
    shape = (width, height) if turn in (5, 6, 7, 8) else (height, width)
    upright = np.empty((*shape, channels), np.uint8)
    stored = _as_stored(upright, turn)
    for rows, rgba in _strips(image):
        stored[rows] = look(rgba)
    upright.setflags(write=False)
    return upright


def _on_white(rgba: _Rgba) -> _Rgba:
    # Rounded as in float64: a product of two bytes never lies halfway between multiples of 255.
    alpha, rgb = rgba[..., 3:].astype(np.uint16), rgba[..., :3]
    return np.asarray(255 - (alpha * (255 - rgb) + 127) // 255, np.uint8)


def _opened(data: bytes | memoryview) -> Image.Image:
    """A picture of which the header alone is read."""
    head = bytes(data[:16])
    if head[4:12] in _HEIF_MARKS:
        heif = importlib.import_module("pillow_heif").open_heif(io.BytesIO(data))
        width, height = heif.size
        check_size(width, height, len(data))
        upright: Image.Image = heif.to_pillow()
        return upright
    for name, module in _MODULES.items():
        with contextlib.suppress(ImportError):  # of a Pillow without that format
            importlib.import_module(f"PIL.{module}ImagePlugin")
        factory, accept = Image.OPEN.get(name, (None, None))
        try:
            # It answers with a text where it lacks a library.
            if factory is None or (accept is not None and accept(head) is not True):
                continue
            image = factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Pillow itself goes on
            continue
        except Image.DecompressionBombError as error:  # a frame larger than its picture
            raise ValueError(f"must have at most {MAX_PIXELS // 10**6} megapixels") from error
        check_size(*image.size, len(data))
        return image
    raise ValueError("unknown format")


def _as_stored(upright: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """The view of an upright picture that has its pixels where the file has them.

    Args:
        upright: ``(H, W, C)``.
        turn: EXIF's Orientation, 1 to 8.

    """
    if turn in (5, 7):
        upright = upright.swapaxes(0, 1)
    if turn in (6, 8):
        return np.rot90(upright, 1 if turn == 6 else -1)
    if turn in (3, 4, 7):
        upright = upright[::-1]
    return upright[:, ::-1] if turn in (2, 3, 7) else upright


def _strips(image: Image.Image) -> Iterator[tuple[slice, _Rgba]]:
    if not image.mode.startswith("I") and image.mode != "F":
        for rows, strip in _crops(image):
            yield rows, np.asarray(strip.convert("RGBA"))
        return
    # Pillow clips grey of more than 8 bits when it converts; scale it instead.
    most = max(float(np.asarray(strip).max()) for _, strip in _crops(image))
    for rows, strip in _crops(image):
        share = np.asarray(strip, np.float64) / (65535.0 if most > 255 else 255.0)
        grey = (np.clip(np.nan_to_num(share), 0, 1) * 255 + 0.5).astype(np.uint8)
        yield rows, np.dstack([grey, grey, grey, np.full_like(grey, 255)])


def _crops(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    width, height = image.size
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        yield slice(top, bottom), image.crop((0, top, width, bottom))
