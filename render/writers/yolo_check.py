"""Label files and data.yaml against the records."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.dataset.findings import Findings
from render.dataset.frame_view import LabelNames
from render.geometry.rle_definition import decoded
from render.system.plain_data import read_regular, yaml_of
from render.writers.base import Row, StoredFrame
from render.writers.coco_check import record_keypoints

if TYPE_CHECKING:
    from render.dataset.reader import Dataset

__all__ = ["check_labels", "check_yolo"]

_FILE = "data.yaml"
# Other blanks and digits are read by some programs alone.
_ROW = re.compile(r"[0-9]+(?: -?[0-9]+(?:\.[0-9]+)?)+")
_BOX_SLACK_PX = 1e-5
_LEAST_IOU = 0.98
# Of OpenCV's rectangles, which are in single precision; ultralytics leaves 0.01 for shares.
_AREA_SLACK = 1e-3
# Polygons run a little inside of the mask's extent.
_EXTENT_SLACK_PX = 1 / 64


def check_yolo(dataset: Dataset, kind: str, findings: Findings) -> Callable[[StoredFrame], None]:
    """Checks data.yaml; what is returned checks the label file of a frame."""
    _check_data_yaml(dataset, kind, findings)
    return lambda stored: check_labels(stored, kind, findings)


def _check_data_yaml(dataset: Dataset, kind: str, findings: Findings) -> None:
    """It names the categories of the dataset and its two splits, and says nothing else."""
    names = dataset.names
    try:
        data = yaml_of(read_regular(dataset.folder / _FILE))
    except OSError as error:
        findings.require(False, f"cannot be read ({error.strerror})", file=_FILE)
        return
    except ValueError as error:
        findings.require(False, f"is torn: {error}", file=_FILE)
        return
    wanted: dict[str, Any] = {
        "train": "images/train",
        "val": "images/val",
        "nc": len(names.categories),
        "names": dict(enumerate(names.categories)),
    }
    if kind == "pose":
        points = {i: names.keypoints.get(c, ()) for i, c in enumerate(names.categories)}
        wanted["kpt_shape"] = [max(map(len, points.values())), 3]
        wanted["kpt_names"] = {i: list(own) for i, own in points.items()}
    found = data if isinstance(data, dict) else {}
    for key, value in wanted.items():
        got = found.get(key)
        if key == "names" and isinstance(got, list):
            got = dict(enumerate(got))
        same = got == value and type(got) is type(value)
        findings.require(same, f"{key} must be {value}, got {got}", file=_FILE)
    # A trainer runs what stands under `download`, and a `path` stays where folders move.
    odd = sorted(str(key) for key in found if key not in wanted)
    findings.require(not odd, f"must hold just its keys, odd: {', '.join(odd)}", file=_FILE)


def check_labels(stored: StoredFrame, kind: str, findings: Findings) -> None:
    """A row per labelled instance, in the records' order, of its class and its place."""
    view, idx = stored.view, stored.view.frame_idx
    for file, data in stored.files.items():
        try:
            lines = data.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            findings.require(False, f"must be plain text: {error}", file=file, frame_idx=idx)
            continue
        # Behind the last row there is nothing.
        findings.require(not lines.pop(), "must end with a line's end", file=file, frame_idx=idx)
        shown = view.labelled
        if findings.require(
            len(lines) == len(shown),
            f"must have {len(shown)} rows, one a labelled instance, got {len(lines)}",
            file=file, frame_idx=idx,
        ):  # fmt: skip
            for n, (line, row) in enumerate(zip(lines, shown, strict=True), start=1):
                problem = _problem(line, row, view.size_wh, view.names, kind)
                findings.require(not problem, f"row {n}: {problem}", file=file, frame_idx=idx)


def _problem(line: str, row: Row, size_wh: tuple[int, int], names: LabelNames, kind: str) -> str:
    """What is wrong with a row; "" if it is right."""
    if not _ROW.fullmatch(line):
        return "must hold numbers only, with one blank between them"
    fields = line.split()
    numbers = np.array([float(field) for field in fields[1:]])
    n = len(numbers)
    n_keypoints = max(map(len, names.keypoints.values()), default=0)
    fixed = {"detect": 4, "pose": 4 + 3 * n_keypoints, "obb": 8}
    if (n != fixed[kind]) if kind in fixed else (n < 6 or n % 2):
        held = f"{fixed[kind]} numbers" if kind in fixed else "x and y of 3 points or more"
        return f"must hold {held}, got {n}"
    sights = numbers[6::3] if kind == "pose" else np.zeros(0)
    shares = np.delete(numbers, np.s_[6::3]) if kind == "pose" else numbers
    # Those of a rectangle are looked at as a whole: its corners may lie outside.
    if not np.isfinite(numbers).all() or (
        kind != "obb" and (shares.min() < 0.0 or shares.max() > 1.0)
    ):
        return "numbers must be shares of the image, from 0 to 1"
    if not set(sights.tolist()) <= {0.0, 1.0, 2.0}:
        return f"visibility of keypoints must be 0, 1 or 2, got {sights.tolist()}"
    categories = {str(i): name for i, name in enumerate(names.categories)}
    if categories.get(fields[0]) != row["category"]:
        return f"class must be that of {row['category']}, got {fields[0]}"
    if row["bbox_visib"] is None:
        return "shows an instance that is not visible"
    if kind == "pose":
        return _box(numbers[:4], row, size_wh) or _keypoints(numbers[4:], row, size_wh)
    checks = {"detect": _box, "segment": _polygon, "obb": _oriented}
    return checks[kind](numbers, row, size_wh)


def _box(numbers: NDArray[np.float64], row: Row, size_wh: tuple[int, int]) -> str:
    cx, cy, w, h = numbers * (*size_wh, *size_wh)
    box = [cx - w / 2, cy - h / 2, w, h]
    off = max(abs(a - b) for a, b in zip(box, row["bbox_visib"], strict=True))
    return "" if off <= _BOX_SLACK_PX else f"box is {off:.6g} px off bbox_visib"


def _keypoints(numbers: NDArray[np.float64], row: Row, size_wh: tuple[int, int]) -> str:
    triples = [] if row["keypoints_sight"] is None else record_keypoints(row)[0]
    found = numbers.reshape(-1, 3)
    wanted = np.zeros(found.shape)
    wanted.ravel()[: len(triples)] = triples
    if not np.array_equal(wanted[:, 2], found[:, 2]):
        return f"visibility of keypoints must be {wanted[:, 2].tolist()}"
    seen = wanted[:, 2] > 0
    off = np.abs(found[seen, :2] * size_wh - 0.5 - wanted[seen, :2]).max(initial=0.0)
    return "" if off <= _BOX_SLACK_PX else f"keypoints are {off:.6g} px off keypoints_uv"


def _oriented(numbers: NDArray[np.float64], row: Row, size_wh: tuple[int, int]) -> str:
    """The rectangle holds the visible mask, is one that ultralytics takes, and is the least."""
    mask = decoded(row["mask_visib"], (size_wh[1], size_wh[0]))
    if mask is None:
        return ""  # said of the record
    p = numbers.reshape(4, 2) * size_wh
    if not _is_taken(p, size_wh):
        return "must be no larger than the image, with its centre in it"
    a, b = p[1] - p[0], p[3] - p[0]
    if abs(a @ b) > 1e-6 * (a @ a + b @ b) or np.abs(p[0] + p[2] - p[1] - p[3]).max() > 1e-6:
        return "must be a rectangle"
    y, x = np.nonzero(mask)
    centers = np.stack([x, y], axis=1) + 0.5
    for side in (a, b):
        along = (centers - p[0]) @ side / np.linalg.norm(side)
        # A pixel's square reaches half a pixel or more beyond its centre, whatever the angle.
        if along.min() < 0.5 - 1e-3 or along.max() > np.linalg.norm(side) - 0.5 + 1e-3:
            return "must hold the visible mask"
    _, _, w, h = row["bbox_visib"]
    area = float(np.linalg.norm(a) * np.linalg.norm(b))
    hull = cv2.convexHull(np.stack([x, y], axis=1).astype(np.int32))[:, 0]
    squares = np.concatenate([hull - hull[0] + np.array([i, j]) for i in (0, 1) for j in (0, 1)])
    least = cv2.minAreaRect(squares.astype(np.float32))
    its_area, its_corners = math.prod(least[1]), cv2.boxPoints(least) + hull[0]
    if area > its_area * (1 + _AREA_SLACK) and _is_taken(its_corners, size_wh, slack=-_AREA_SLACK):
        return f"must be the least rectangle, and is {area / its_area:.3f} times that"
    return "" if area <= w * h * (1 + 1e-6) else "must be no larger than the upright box"


def _is_taken(corners: NDArray[Any], size_wh: tuple[int, int], slack: float = _AREA_SLACK) -> bool:
    """Whether ultralytics takes a rectangle: centre, width and height are shares of the image."""
    low, high = corners.min(axis=0) / size_wh, corners.max(axis=0) / size_wh
    shares = np.concatenate([(low + high) / 2, high - low])
    return bool(shares.min() >= -slack and shares.max() <= 1 + slack)


def _polygon(numbers: NDArray[np.float64], row: Row, size_wh: tuple[int, int]) -> str:
    size_hw = size_wh[1], size_wh[0]
    mask = decoded(row["mask_visib"], size_hw)
    if mask is None:
        return ""  # said of the record
    points = numbers.reshape(-1, 2) * size_wh
    x0, y0, w, h = row["bbox_visib"]
    beyond = np.concatenate([(x0, y0) - points.min(axis=0), points.max(axis=0) - (x0 + w, y0 + h)])
    if beyond.max() > _EXTENT_SLACK_PX:
        return f"polygon reaches {beyond.max():.3g} px beyond bbox_visib"
    n_pieces, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    if n_pieces == 2 and beyond.min() < -_EXTENT_SLACK_PX:
        return f"polygon ends {-beyond.min():.3g} px short of bbox_visib"
    canvas = np.zeros(size_hw, np.uint8)
    cv2.fillPoly(canvas, [points.astype(np.int32)], 1)  # cut down, as ultralytics does
    filled = canvas > 0
    iou = float(np.count_nonzero(filled & mask) / np.count_nonzero(filled | mask))
    if iou >= _LEAST_IOU or _is_joined(filled, pieces, n_pieces):
        return ""
    return f"polygon has IoU {iou:.4f} with the mask, less than {_LEAST_IOU}"


def _is_joined(filled: NDArray[np.bool_], pieces: NDArray[Any], n_pieces: int) -> bool:
    """What differs is what one ring must cost for a mask in pieces.

    That is: bridges of the least length between pieces, and whole pieces, not the largest,
    that are left out.

    Args:
        filled: ``(H, W)``, what the polygon fills.
        pieces: ``(H, W)``, 0 outside of the mask, then counting.
        n_pieces: With that of the outside.

    """
    sizes = np.bincount(pieces.ravel(), minlength=n_pieces)
    covered = np.bincount(pieces[filled], minlength=n_pieces)
    largest = 1 + int(np.argmax(sizes[1:]))
    partly = np.minimum(covered, sizes - covered)[1:].sum()
    return bool(
        2 * covered[largest] > sizes[largest]
        and partly <= (1 - _LEAST_IOU) * sizes[1:].sum()
        and covered[0] <= _joining_px(pieces > 0)
    )


def _joining_px(mask: NDArray[np.bool_]) -> int:
    """An upper bound of what it costs to join the fragments of a mask by the shortest bridges.

    The length of a minimum spanning tree is the sum, over all lengths, of the pieces that
    are still apart when everything closer than that is joined.
    """
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    window = mask[y : y + h, x : x + w].astype(np.uint8)
    cost = 0
    pieces = cv2.connectedComponents(window, connectivity=4)[0] - 1
    reach = 0
    while pieces > 1 and reach < math.hypot(w, h):
        cost += 2 * (pieces - 1)
        reach += 1
        grown = cv2.dilate(
            cv2.copyMakeBorder(window, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0),
            np.ones((2 * reach + 1, 2 * reach + 1), np.uint8),
        )
        pieces = cv2.connectedComponents(grown, connectivity=8)[0] - 1
    return cost
