"""STL, binary and ASCII, with the two ways that colours are hidden in the binary form."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.raw import RawMesh, RawModel, linear_of_srgb
from render.library.readers.source import Source
from render.library.readers.text import MARKED, is_marked, parsed, utf8_of

__all__ = ["read_stl"]

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
_HEAD_BYTES, _MOST_TAIL_BYTES = 84, 4096
_NAME = re.compile(rb"\b(?:end)?solid\b(?!.*\bfacet\b).*", re.IGNORECASE)
_VERTEX = re.compile(rb"\bvertex\s+(\S+\s+\S+\s+\S+)", re.IGNORECASE)


def read_stl(source: Source) -> RawModel:
    """Reads an STL; it stores neither unit nor axes, and its normals are not used.

    Raises:
        AssetError: Neither form of STL, or cut off.

    """
    path, data = source.path, source.data
    count = struct.unpack_from("<I", data, 80)[0] if len(data) >= _HEAD_BYTES else 0
    spare = len(data) - _HEAD_BYTES - _FACET.itemsize * count
    # Binary files may begin with "solid" too: the length decides first.
    if len(data) >= _HEAD_BYTES and spare == 0:
        return _model(*_binary(data, count))
    text = utf8_of(data)
    if text.lstrip()[:5].lower() == b"solid" and b"\0" not in text[_HEAD_BYTES:1024]:
        if b"endsolid" not in text[-_MOST_TAIL_BYTES:].lower():
            source.notes.add("it has no endsolid: it may be cut off")
        return _model(_ascii(path, text), None)
    if is_marked(data):
        raise AssetError(path, MARKED)
    if len(data) < _HEAD_BYTES:
        raise AssetError(path, f"is not STL: it has {len(data)} bytes and no solid")
    if spare < 0:
        there = (len(data) - _HEAD_BYTES) // _FACET.itemsize
        raise AssetError(path, f"is cut off or not STL: {there} of {count} facets are there")
    source.notes.add(f"{spare} bytes behind the last facet are not read")
    return _model(*_binary(data, count))


def _model(corners: NDArray[np.float64], colors: NDArray[np.float64] | None) -> RawModel:
    faces = np.arange(len(corners), dtype=np.int64).reshape(-1, 3)
    mesh = RawMesh(positions=corners, faces=faces, colors=colors)
    return RawModel(meshes=(mesh,))


def _binary(data: bytes, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    facets = np.frombuffer(data, _FACET, count, _HEAD_BYTES)
    corners = facets["corners"].reshape(-1, 3).astype(np.float64)
    colors = _colors(data[:80], facets["extra"])
    return corners, None if colors is None else np.repeat(colors, 3, axis=0)


def _colors(header: bytes, extra: NDArray[np.uint16]) -> NDArray[np.float64] | None:
    """``(F, 4)`` linear RGBA; None where there are none.

    Materialise Magics writes ``COLOR=`` and the object's RGBA into the header; a facet with a
    clear top bit has its own colour, red lowest. VisCAM and SolidView set the top bit of a
    facet with a colour, blue lowest.
    """
    five = np.stack([extra & 31, extra >> 5 & 31, extra >> 10 & 31], axis=1) / 31.0
    top = extra >> 15 == 1
    srgba = np.ones((len(extra), 4))
    at = header.find(b"COLOR=")
    if 0 <= at <= 70:
        srgba[:] = np.frombuffer(header, np.uint8, 4, at + 6) / 255.0
        if srgba[0, 3] == 0:
            srgba[:, 3] = 1.0  # writers leave alpha 0 and do not mean invisible
        own = ~top
        # All zero is the default of writers that know the header alone, not black.
        if extra.any():
            srgba[own, :3] = five[own]
    elif top.any():
        srgba[top, :3] = five[top][:, ::-1]
    else:
        return None
    srgba[:, :3] = linear_of_srgb(srgba[:, :3])
    return srgba


def _ascii(path: Path, data: bytes) -> NDArray[np.float64]:
    corners, n_loops = _VERTEX.findall(data), data.lower().count(b"endloop")
    if len(corners) != 3 * n_loops:  # names of solids may speak of a vertex
        corners = _VERTEX.findall(_NAME.sub(b"", data))
    if len(corners) % 3 or (n_loops and len(corners) != 3 * n_loops):
        raise AssetError(
            path,
            f"is cut off or holds more than triangles: {len(corners)} corners are not three for "
            f"each of {n_loops} loops",
        )
    values = parsed(b" ".join(corners), np.float64)
    if len(values) != 3 * len(corners):
        raise AssetError(
            path, f"a vertex must be three numbers, and number {len(values) // 3} is not"
        )
    return values.reshape(-1, 3)
