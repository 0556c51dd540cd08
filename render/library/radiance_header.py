"""The size that the header of an environment map promises: Radiance (.hdr) and OpenEXR (.exr)."""

from __future__ import annotations

import re
import struct

__all__ = ["promised_size"]

_EXR_MARK = b"\x76\x2f\x31\x01"
_HDR_MARKS = (b"#?", b"#!")
# The last line of a Radiance header; the others are variables and comments (Ward 1991).
_RESOLUTION = re.compile(rb"\n\s*\n[-+]([XY]) +(\d+) +[-+]([XY]) +(\d+)[ \t\r]*\n")
_MOST_HEADER = 2**20


def promised_size(data: bytes) -> tuple[int, int]:
    """Width and height, pixels.

    Raises:
        ValueError: It is neither format, or its header is cut off or broken.

    """
    if data.startswith(_EXR_MARK):
        return _exr_size(data)
    if not data.startswith(_HDR_MARKS):
        raise ValueError("is neither Radiance HDR nor OpenEXR")
    found = _RESOLUTION.search(data, 0, _MOST_HEADER)
    if found is None or found[1] == found[3]:
        raise ValueError("has no resolution in its header")
    sizes = {found[1]: int(found[2]), found[3]: int(found[4])}
    return sizes[b"X"], sizes[b"Y"]


def _exr_size(data: bytes) -> tuple[int, int]:
    """Of the first part; attributes are a name, a type, a length and a value (OpenEXR, "File
    Layout").
    """
    at = 8  # behind the mark and the version
    while 0 <= at < _MOST_HEADER and data[at : at + 1] not in (b"", b"\0"):
        name_end = data.find(b"\0", at)
        type_end = data.find(b"\0", name_end + 1)
        if not 0 <= name_end < type_end <= len(data) - 5:
            break
        (length,) = struct.unpack_from("<i", data, type_end + 1)
        if data[at:name_end] == b"dataWindow" and length == 16 and type_end + 21 <= len(data):
            x0, y0, x1, y1 = struct.unpack_from("<4i", data, type_end + 5)
            return x1 - x0 + 1, y1 - y0 + 1
        at = type_end + 5 + max(length, 0)
    raise ValueError("has no dataWindow in its header")
