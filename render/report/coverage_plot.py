"""A picture of what a dataset covers: a map of view directions for each size and occlusion."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from render.dataset.folder import held
from render.errors import DatasetError
from render.report.canvas import Canvas, Rgb
from render.report.coverage import THIN, Coverage
from render.sampling.axes import DIRECTION, OCCLUSION, Axis
from render.system.files import write_whole
from render.system.stores import Folder, StorePath

__all__ = ["draw_coverage", "write_coverage"]

_CELL_W, _CELL_H = 34, 26
_GAP, _LEFT, _TOP, _RIGHT, _BOTTOM = 18, 190, 92, 24, 96
_LEAST_WIDTH = 620
_INK: Rgb = (30, 30, 30)
_PALE: Rgb = (110, 116, 124)
_EMPTY: Rgb = (196, 62, 36)
_THIN: Rgb = (246, 178, 107)
_ENOUGH: Rgb = (205, 224, 240)
_MUCH: Rgb = (74, 126, 178)
_KEY = (("empty", _EMPTY), (f"below {THIN:.0%}", _THIN), ("as expected", _ENOUGH),
        ("2x and more", _MUCH))  # fmt: skip


def write_coverage(coverage: Coverage, path: Folder) -> None:
    """Writes `draw_coverage` as a PNG, into a dataset that no other process writes to.

    Raises:
        DatasetError: The file cannot be written, or another process writes to the folder.

    """
    data = iio.imwrite("<bytes>", draw_coverage(coverage), extension=".png")
    if isinstance(path, StorePath):
        try:
            path.write(data)
        except OSError as error:
            raise DatasetError(f"{path} cannot be written: {error.strerror}") from error
        return
    with held(path.parent, "DIR"):
        write_whole(path, data)


def draw_coverage(coverage: Coverage) -> NDArray[np.uint8]:
    """``(H, W, 3)`` sRGB.

    One map for each bin of size (to the right) and of occlusion (downwards). In a map azimuth
    goes to the right and elevation upwards; a cell says how many frames it holds, and its
    colour how that compares with what is expected.
    """
    azimuth, elevation, size, occlusion = axes = _four(coverage)
    order = [coverage.axes.index(axis) for axis in axes if axis is not None]
    shape = tuple(1 if axis is None else axis.n_bins for axis in axes)
    counts = coverage.counts.transpose(order).reshape(shape)
    expected = coverage.expected.transpose(order).reshape(shape)
    enough = coverage.enough.transpose(order).reshape(shape)
    n_az, n_el, n_size, n_occ = shape
    step_x, step_y = n_az * _CELL_W + _GAP, n_el * _CELL_H + _GAP
    width = max(_LEAST_WIDTH, _LEFT + n_size * step_x - _GAP + _RIGHT)
    height = _TOP + n_occ * step_y - _GAP + _BOTTOM
    canvas = Canvas(np.full((height, width, 3), 255, np.uint8))
    for i in range(n_size):
        x = _LEFT + i * step_x
        if size is not None:
            at = (x + n_az * _CELL_W / 2, _TOP - 10.0)
            canvas.text(at, size.text(i), size=14, color=_INK, anchor="ms")
        for j in range(n_occ):
            y = _TOP + j * step_y
            cells = np.s_[:, :, i, j]
            _draw_map(canvas, (x, y), counts[cells], expected[cells], enough[cells])
    if occlusion is not None:
        for j in range(n_occ):
            at = (16.0, _TOP + j * step_y + n_el * _CELL_H / 2)
            canvas.text(at, occlusion.text(j), size=14, color=_INK, anchor="lm")
    _draw_scales(canvas, azimuth, elevation, bottom=_TOP + n_occ * step_y - _GAP)
    _draw_head(canvas, coverage, size, occlusion)
    _draw_key(canvas, y=height - 26)
    return canvas.picture()


def _four(coverage: Coverage) -> tuple[Axis | None, Axis | None, Axis | None, Axis | None]:
    """The axes azimuth, elevation, size and occlusion, None for those that are missing."""
    by_name = {axis.leaf: axis for axis in coverage.axes}
    size = next((axis for name, axis in by_name.items() if name.startswith("scale.")), None)
    return by_name.get(DIRECTION[0]), by_name.get(DIRECTION[1]), size, by_name.get(OCCLUSION)


def _draw_map(
    canvas: Canvas,
    corner: tuple[int, int],
    counts: NDArray[np.int64],
    expected: NDArray[np.float64],
    enough: NDArray[np.float64],
) -> None:
    """Draws a map of ``(azimuth, elevation)`` cells, its top left corner at `corner`, pixels."""
    n_el = counts.shape[1]
    for (a, e), count in np.ndenumerate(counts):
        x, y = corner[0] + a * _CELL_W, corner[1] + (n_el - 1 - e) * _CELL_H
        color = _color(int(count), float(expected[a, e]), float(enough[a, e]))
        canvas.rgb[y : y + _CELL_H - 1, x : x + _CELL_W - 1] = color
        ink = (255, 255, 255) if color in (_EMPTY, _MUCH) else _INK
        at = (x + (_CELL_W - 1) / 2, y + (_CELL_H - 1) / 2)
        canvas.text(at, str(count), size=12, color=ink, anchor="mm")


def _color(count: int, expected: float, enough: float) -> Rgb:
    if count >= enough:
        share = min(max(count / expected - 1.0, 0.0), 1.0) if expected else 0.0
        r, g, b = (round(a + share * (c - a)) for a, c in zip(_ENOUGH, _MUCH))
        return r, g, b
    return _THIN if count else _EMPTY


def _draw_scales(
    canvas: Canvas, azimuth: Axis | None, elevation: Axis | None, *, bottom: int
) -> None:
    """Writes the ends of the bins along the map in the lower left corner."""
    if azimuth is not None:
        for i in range(azimuth.n_bins):
            text = azimuth.text(i).partition(" to ")[0]
            at = (_LEFT + i * _CELL_W + 1.0, bottom + 6.0)
            canvas.text(at, text, size=11, color=_PALE)
        at = (float(_LEFT), bottom + 22.0)
        canvas.text(at, "azimuth_deg, from", size=12, color=_PALE)
    if elevation is not None:
        n = elevation.n_bins
        for i in range(n):
            at = (_LEFT - 6.0, bottom - i * _CELL_H - _CELL_H / 2)
            canvas.text(at, elevation.text(i), size=11, color=_PALE, anchor="rm")
        at = (_LEFT - 6.0, bottom + 22.0)
        canvas.text(at, "elevation_deg", size=12, color=_PALE, anchor="ra")


def _draw_head(
    canvas: Canvas, coverage: Coverage, size: Axis | None, occlusion: Axis | None
) -> None:
    n = int(coverage.counts.sum())
    title = f"{n} frames in {coverage.counts.size} bins, {len(coverage.thin())} of them thin"
    canvas.text((16, 14), title, size=18, color=_INK)
    if size is not None:
        canvas.text((_LEFT, 46), f"{size.leaf}, to the right", size=14, color=_PALE)
    if occlusion is not None:
        canvas.text((16, 66), "occluded_fract", size=14, color=_PALE)


def _draw_key(canvas: Canvas, *, y: int) -> None:
    x = 16.0
    for text, color in _KEY:
        canvas.rgb[y : y + 14, int(x) : int(x) + 20] = color
        canvas.text((x + 26, y + 7), text, size=13, color=_INK, anchor="lm")
        x += 26 + canvas.text_width(text, 13) + 22
