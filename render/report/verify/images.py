"""Files of one frame: the bytes that were recorded, and pixels that agree with the records."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.report.verify.description import Description
from render.report.verify.findings import Findings
from render.report.verify.instances import Drawn
from render.report.verify.records import Row

__all__ = ["check_files"]

_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_U16_MAX = 65535
_DEPTH_SLACK = 1e-4
_NORMAL_SLACK = 1e-3


def check_files(
    folder: Path,
    frame: Row,
    drawn: Drawn | None,
    *,
    description: Description,
    file: str,
    findings: Findings,
) -> str | None:
    """Checks the files of a frame.

    Args:
        drawn: What its records say about pixels; None checks the bytes alone.
        file: Where the record lies.

    Returns:
        The text of its label file, if it has one that can be read.

    """
    idx = frame["frame_idx"]
    wanted = description.files_of(idx)
    hashes = {entry["path"]: entry["sha256"] for entry in frame["files"]}
    findings.require(
        sorted(hashes) == list(wanted),
        f"must record the hashes of {', '.join(wanted)}, got {', '.join(sorted(hashes))}",
        file=file, frame_idx=idx,
    )  # fmt: skip
    text: str | None = None
    for name in wanted:
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            findings.require(False, f"is missing ({error.strerror})", file=name, frame_idx=idx)
            continue
        findings.require(
            hashlib.sha256(data).hexdigest() == hashes.get(name),
            "its bytes are not those that were recorded",
            file=name, frame_idx=idx,
        )  # fmt: skip
        check = _Pixels(name, frame, findings)
        kind = name.partition("/")[0]
        if kind == "labels":
            text = check.text(data)
        elif kind == "images":
            check.image(data)
        elif kind == description.ids_folder:
            check.ids(data, drawn)
        elif kind == "depth":
            check.depth(data, drawn, description.depth_unit_m)
        else:
            check.surface_map(data, drawn, kind)
    return text


class _Pixels:
    """Checks on one file of a frame."""

    def __init__(self, file: str, frame: Row, findings: Findings) -> None:
        self._file = file
        self._frame = frame
        self._findings = findings
        self._size_hw = frame["height"], frame["width"]

    def text(self, data: bytes) -> str | None:
        try:
            return data.decode("ascii")
        except UnicodeDecodeError as error:
            self._require(False, f"must be plain text: {error}")
            return None

    def image(self, data: bytes) -> None:
        image = self._decoded(data)
        if image is not None:
            self._require(
                image.dtype == np.uint8 and image.shape == (*self._size_hw, 3),
                f"must be 8 bit RGB, {self._size()}, got {image.dtype} {image.shape}",
            )

    def ids(self, data: bytes, drawn: Drawn | None) -> None:
        """Every pixel has the id that the records' visible masks give it."""
        ids = self._u16(data)
        if ids is None or drawn is None or np.array_equal(ids, drawn.ids):
            self._require(True, "")
            return
        wrong = ids != drawn.ids
        count = int(np.count_nonzero(wrong))
        y, x = (int(v[0]) for v in np.nonzero(wrong))
        found = sorted({*np.unique(ids[wrong]).tolist()})
        self._require(
            False,
            f"{count} px differ from the records' visible masks, the first at x {x}, y {y} "
            f"({ids[y, x]}, not {drawn.ids[y, x]}); ids there: {str(found[:6])[1:-1]}",
        )

    def depth(self, data: bytes, drawn: Drawn | None, unit_m: float) -> None:
        """There is depth wherever there is an object, and it lies between the planes."""
        units = self._u16(data)
        if units is None or drawn is None:
            return
        here = units[drawn.ids > 0].astype(np.float64)
        without = int(np.count_nonzero(here == 0))
        self._require(not without, f"{without} px of objects have no depth")
        # The ends of the range also stand for what lies beyond them.
        far, near = here[(here > 1) & (here < _U16_MAX)], here[(here > 0) & (here < _U16_MAX)]
        lo = drawn.near_m * (1 - _DEPTH_SLACK) - 0.51 * unit_m
        hi = drawn.far_m * (1 + _DEPTH_SLACK) + 0.51 * unit_m
        self._require(
            not near.size or near.min() * unit_m >= lo,
            f"objects must be farther than {drawn.near_m:g} m",
        )
        self._require(
            not far.size or far.max() * unit_m <= hi,
            f"objects must be nearer than {drawn.far_m:g} m",
        )

    def surface_map(self, data: bytes, drawn: Drawn | None, kind: str) -> None:
        """There is a value wherever there is an object; of normals, of length 1."""
        is_vector = kind != "parts"
        values = self._u16(data, channels=3 if is_vector else 1)
        if values is None or drawn is None:
            return
        is_there = (values > 0).all(axis=2) if is_vector else values > 0
        here = drawn.ids > 0
        without = int(np.count_nonzero(here & ~is_there))
        self._require(not without, f"{without} px of objects have no value")
        if kind == "normals":
            normals = values[is_there].astype(np.float64) * (2 / _U16_MAX) - 1
            off = np.abs(np.linalg.norm(normals, axis=1) - 1).max(initial=0.0)
            self._require(off <= _NORMAL_SLACK, f"normals must have length 1, off by {off:.3g}")
        else:
            beside = int(np.count_nonzero(is_there & ~here))
            self._require(not beside, f"{beside} px have a value where no object is")

    def _u16(self, data: bytes, channels: int = 1) -> NDArray[Any] | None:
        image = self._decoded(data)
        if image is None:
            return None
        shape = self._size_hw if channels == 1 else (*self._size_hw, channels)
        is_right = image.dtype == np.uint16 and image.shape == shape
        kind = "one channel" if channels == 1 else "RGB"
        got = f"{image.dtype} {image.shape}"
        self._require(is_right, f"must be {kind} of 16 bit, {self._size()}, got {got}")
        return image if is_right else None

    def _decoded(self, data: bytes) -> NDArray[Any] | None:
        end = _JPEG_END if self._file.endswith(".jpg") else _PNG_END
        if not self._require(data.endswith(end), f"is torn: its {len(data)} bytes have no end"):
            return None
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        self._require(image is not None, "cannot be decoded")
        return image

    def _size(self) -> str:
        return f"{self._size_hw[1]} x {self._size_hw[0]}"

    def _require(self, holds: object, message: str) -> bool:
        return self._findings.require(
            holds, message, file=self._file, frame_idx=self._frame["frame_idx"]
        )
