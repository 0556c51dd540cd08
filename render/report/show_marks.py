"""Axes, box and rulers over one view of a model, projected as the model itself is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.geometry.projection import project
from render.report.canvas import Canvas, Rgb
from render.report.lengths import number_text, suited_unit
from render.report.show_views import Studio
from render.scene import Camera, Model

__all__ = [
    "AXIS_COLORS",
    "axes_origin_m",
    "draw_axes",
    "draw_box",
    "draw_outline",
    "draw_ruler",
    "round_step",
]

AXIS_COLORS: tuple[Rgb, Rgb, Rgb] = ((214, 40, 40), (24, 140, 56), (38, 92, 214))
"""Colours of the axes X, Y and Z, display sRGB."""

_INK: Rgb = (38, 42, 48)
_WHITE: Rgb = (255, 255, 255)
_BOX: Rgb = (120, 128, 138)
_PAST_BOX = 0.16  # how far an axis sticks out of the box, of the longest side
_NEAR_BOX = 0.25  # an origin so near to the box is drawn where it is
_HIDDEN = 0.28  # how much is seen of a line behind the surface
_PIECES = 160
_BAR_PX, _GAP_PX, _SMALL = 7.0, 12.0, 13


def axes_origin_m(model: Model) -> tuple[NDArray[np.float64], bool]:
    """Where axes are drawn, object frame, and whether that is the file's origin.

    The box's lowest corner stands in for an origin that is too far away to be seen.
    """
    low, high = model.bounds_m
    reach = _NEAR_BOX * model.extent_m
    if ((low - reach <= 0) & (high + reach >= 0)).all():
        return np.zeros(3), True
    return low, False


def draw_axes(canvas: Canvas, studio: Studio, camera: Camera, buffers: Buffers) -> None:
    """The file's axes as arrows with letters; pale where the model hides them."""
    origin, _ = axes_origin_m(studio.model)
    _, high = studio.model.bounds_m
    past = _PAST_BOX * studio.model.extent_m
    ends = np.tile(origin, (3, 1))
    for axis in range(3):
        ends[axis, axis] = max(high[axis], origin[axis]) + past
    start = project(studio.points_cam(origin[None], camera), camera.K)[0]
    cam = studio.points_cam(ends, camera)
    tips = project(cam, camera.K)
    for axis in np.argsort(-cam[:, 2]):  # the nearest on top
        color, along = AXIS_COLORS[axis], tips[axis] - start
        length = float(np.linalg.norm(along))
        if length < 8.0:
            continue  # it points at the eye
        _draw_hidden_line(canvas, studio, camera, buffers, np.stack([origin, ends[axis]]), color)
        ahead = along / length
        aside = np.array([-ahead[1], ahead[0]])
        tip = tips[axis]
        canvas.fill(
            np.stack([tip, tip - 10 * ahead + 4 * aside, tip - 10 * ahead - 4 * aside]), color
        )
        u, v = tip + 10 * ahead
        canvas.text((u, v), "XYZ"[axis], size=15, color=color, anchor="mm", halo=_WHITE)


def draw_box(
    canvas: Canvas,
    studio: Studio,
    camera: Camera,
    buffers: Buffers,
    *,
    flat_axis: int | None = None,
) -> None:
    """The edges of the box along the file's axes; of its middle plane across `flat_axis` alone."""
    low, high = (bound.copy() for bound in studio.model.bounds_m)
    if flat_axis is not None:
        low[flat_axis] = high[flat_axis] = studio.model.center_m[flat_axis]
    corners = np.array([[(low, high)[(i >> k) & 1][k] for k in range(3)] for i in range(8)])
    for i in range(8):
        for k in range(3):
            if not i >> k & 1 and k != flat_axis:
                ends = corners[[i, i | 1 << k]]
                _draw_hidden_line(canvas, studio, camera, buffers, ends, _BOX, width=1)


def draw_outline(canvas: Canvas, buffers: Buffers) -> None:
    """A thin line round the model, which else might be as grey as what is behind it."""
    mask = (buffers.instance_idx >= 0).astype(np.uint8)
    rim = cv2.dilate(mask, np.ones((3, 3), np.uint8)) - mask
    canvas.rgb[rim > 0] = np.rint(0.5 * canvas.rgb[rim > 0] + 0.5 * np.array(_INK))


def round_step(extent_m: float) -> float:
    """Distance of ticks: 1, 2 or 5 times a power of ten, 4 to 10 on the longest side."""
    power = 10.0 ** np.floor(np.log10(extent_m / 4))
    return float(next(f * power for f in (5.0, 2.0, 1.0) if extent_m / (f * power) >= 4 - 1e-9))


def draw_ruler(canvas: Canvas, studio: Studio, camera: Camera, *, axis: int) -> None:
    """A ruler along one side of the model in a flat view, away from the axis arrows.

    It lies in the plane through the middle of the box; the zero is at the box's lower end, and
    bars change colour at round lengths.
    """
    low, high = studio.model.bounds_m
    other = _other_axis(studio, camera, axis)
    base = (low + high) / 2
    base[other] = low[other]
    step = round_step(studio.model.extent_m)
    size = float(high[axis] - low[axis])
    marks = np.append(np.arange(0.0, size + 1e-9 * step, step), size)
    points = np.tile(base, (len(marks), 1))
    points[:, axis] = low[axis] + marks
    uv = project(studio.points_cam(points, camera), camera.K)
    middle = base.copy()
    middle[other] = (low + high)[other] / 2
    inside = project(studio.points_cam(np.stack([base, middle]), camera), camera.K)
    is_upright = abs(_direction(studio, camera, axis)[1]) > 0.5
    out = np.array([1.0, 0.0]) if is_upright else np.array([0.0, 1.0])
    out = out * np.sign((inside[0] - inside[1]) @ out or -_direction(studio, camera, other) @ out)
    _draw_bars(canvas, uv, out)
    _write_numbers(canvas, uv, out, step=step, size_m=size, extent_m=studio.model.extent_m)


def _draw_bars(canvas: Canvas, uv: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    near, far = uv + _GAP_PX * out, uv + (_GAP_PX + _BAR_PX) * out
    for i in range(len(uv) - 1):
        color = _INK if i % 2 == 0 else _WHITE
        canvas.fill(np.stack([near[i], near[i + 1], far[i + 1], far[i]]), color)
    canvas.line(np.stack([near[0], near[-1], far[-1], far[0], near[0]]), _INK)
    for end in (0, -1):
        canvas.line(np.stack([uv[end] + 3 * out, far[end] + 3 * out]), _INK)


def _write_numbers(
    canvas: Canvas,
    uv: NDArray[np.float64],
    out: NDArray[np.float64],
    *,
    step: float,
    size_m: float,
    extent_m: float,
) -> None:
    unit, metres = suited_unit(extent_m)
    upright = bool(abs(out[0]) > 0.5)
    anchor = ("rm" if out[0] < 0 else "lm") if upright else ("mb" if out[1] < 0 else "mt")
    widest = 0.0
    if len(uv) > 2:
        for i, (u, v) in enumerate(uv[:-1] + (_GAP_PX + _BAR_PX + 6) * out):
            number = number_text(i * step / metres)
            canvas.text((u, v), number, size=_SMALL, color=_INK, anchor=anchor)
            widest = max(widest, canvas.text_width(number, _SMALL) if upright else _SMALL)
    at = (uv[0] + uv[-1]) / 2 + (_GAP_PX + _BAR_PX + 16 + widest) * out
    text = f"{number_text(size_m / metres)} {unit}"
    canvas.text(
        (float(at[0]), float(at[1])), text, size=15, color=_INK, anchor="mm", upwards=upright
    )


def _direction(studio: Studio, camera: Camera, axis: int) -> NDArray[np.float64]:
    """``(2,)`` direction (x right, y down) in which an axis of the file points in a flat view."""
    ends = np.tile(studio.model.center_m, (2, 1))
    ends[1, axis] += studio.model.extent_m
    cam = studio.points_cam(ends, camera)
    along = (cam[1] - cam[0])[:2]
    return np.asarray(along)


def _other_axis(studio: Studio, camera: Camera, axis: int) -> int:
    """The other axis that a flat view shows."""
    lengths = [float(np.linalg.norm(_direction(studio, camera, k))) for k in range(3)]
    return next(k for k in range(3) if k != axis and lengths[k] > 0.5)


def _draw_hidden_line(
    canvas: Canvas,
    studio: Studio,
    camera: Camera,
    buffers: Buffers,
    ends_m: NDArray[np.float64],
    color: Rgb,
    width: int = 2,
) -> None:
    """A line that grows pale where the surface is in front of it."""
    along = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
    cam = studio.points_cam(ends_m[0] * (1 - along) + ends_m[1] * along, camera)
    uv = project(cam, camera.K)
    side = studio.side_px - 1
    columns, rows = np.clip(np.rint(uv), 0, side).astype(int).T
    depth = buffers.depth_m[rows, columns]
    hidden = (depth > 0) & (cam[:, 2] > depth + 4e-3)
    pale = Canvas(canvas.rgb.copy())
    pale.line(uv, color, width=width)
    mixed = _HIDDEN * pale.rgb + (1 - _HIDDEN) * canvas.rgb
    canvas.rgb[:] = np.rint(mixed)
    for i in np.flatnonzero(~(hidden[:-1] | hidden[1:])):
        canvas.line(uv[i : i + 2], color, width=width)
