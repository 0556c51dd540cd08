"""Pictures of a dataset decoded, if they are what they must be: PNG or JPEG, of one size."""

from __future__ import annotations

import re
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_SIDE_PX", "check_plain", "decoded_picture", "picture_size"]

MOST_SIDE_PX = 8192
"""The largest side of a frame's image that the config takes."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_MOST_SEGMENTS = 1000  # before the frame header of a JPEG
_MOST_PX = MOST_SIDE_PX**2
# Within the coded pixels of a JPEG, 0xff stands before a zero, or is a restart.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")
# JFIF's own segment, tables, sizes of the frame (baseline to progressive), scans.
_JPEG_SEGMENTS = (0xE0, 0xDB, 0xC4, 0xDD, 0xC0, 0xC1, 0xC2, 0xDA)
_PNG_CHUNKS = (b"IHDR", b"IDAT", b"IEND")


def decoded_picture(
    data: bytes,
    suffix: str,
    *,
    size_wh: tuple[int, int] | None = None,
    flags: int = cv2.IMREAD_UNCHANGED,
) -> NDArray[Any]:
    """The pixels of a picture, in OpenCV's order of channels.

    Its size is read first, so that a small file costs no more memory than its picture may.

    Args:
        data: The file.
        suffix: Of the file: ``.jpg`` or ``.png``.
        size_wh: What it must be; None: at most 8192 x 8192 pixels.
        flags: How OpenCV is to decode it.

    Raises:
        ValueError: It is no such picture; with what it is.

    """
    if not data.endswith(_JPEG_END if suffix == ".jpg" else _PNG_END):
        raise ValueError(f"is torn: its {len(data)} bytes have no end")
    found = picture_size(data, suffix)
    if found is None:
        raise ValueError(f"cannot be decoded: it is no {suffix[1:].upper()}")
    if size_wh is not None and found != size_wh:
        raise ValueError(f"must be of {_text(size_wh)}, got {_text(found)}")
    if found[0] * found[1] > _MOST_PX:
        raise ValueError(f"must have at most {_MOST_PX} pixels, got {_text(found)}")
    try:
        image: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f"cannot be decoded: {error.err}") from None
    if image is None:
        raise ValueError("cannot be decoded")
    return image


def check_plain(data: bytes, suffix: str) -> None:
    """Checks that a file holds one picture and nothing beside it.

    What programs may heed or not makes two pictures of one: how it is to be turned (EXIF), what
    its colours mean, further pictures behind the first, shares of its animation.

    Raises:
        ValueError: It holds something else; with what it is.

    """
    odd = _odd_segment(data) if suffix == ".jpg" else _odd_chunk(data)
    if odd:
        raise ValueError(f"must hold one picture and nothing beside it, got {odd}")


def _odd_chunk(data: bytes) -> str:
    at = len(_PNG)
    while at < len(data):
        kind = data[at + 4 : at + 8]
        if kind not in _PNG_CHUNKS:
            return f"a chunk {kind!r}"
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND" and at != len(data):
            return f"{len(data) - at} bytes behind its end"
    return ""


def _odd_segment(data: bytes) -> str:
    at = len(_JPEG)
    while found := _MARKER.search(data, at):
        at, marker = found.end(), data[found.end() - 1]
        if marker == _JPEG_END[1]:
            return "" if at == len(data) else f"{len(data) - at} bytes behind its end"
        if marker not in _JPEG_SEGMENTS:
            return f"a segment {marker:#x}"
        if 0xC0 <= marker <= 0xC2 and data[at + 7 : at + 8] not in (b"\x01", b"\x03"):
            return "a number of channels that is neither 1 nor 3"
        at += int.from_bytes(data[at : at + 2], "big")
    return "no end"


def picture_size(data: bytes, suffix: str) -> tuple[int, int] | None:
    """Width and height that the header of a PNG or JPEG tells; None of anything else."""
    return _jpeg_size(data) if suffix == ".jpg" else _png_size(data)


def _png_size(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(_PNG) or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """ITU-T T.81, section B.1: segments of a marker and a length; that of a frame has the size."""
    at = 2
    if not data.startswith(_JPEG):
        return None
    for _ in range(_MOST_SEGMENTS):
        if at + 9 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _text(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]} x {size_wh[1]}"
