"""One picture of a model from eight sides, with what a user wants to know about it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.engine.base import AbstractEngine
from render.library.diagnose import ModelReport
from render.report.canvas import Canvas, Rgb
from render.report.lengths import length_text, number_text, size_text, suited_unit, unit_text
from render.report.show_marks import (
    AXIS_COLORS,
    axes_origin_m,
    draw_axes,
    draw_box,
    draw_outline,
    draw_ruler,
    round_step,
)
from render.report.show_views import TONE, VIEWS, Studio, View
from render.scene import Model
from render.sensor.tone import display_of_radiance

__all__ = ["show_sheet"]

_PAGE: Rgb = (248, 249, 250)
_INK: Rgb = (24, 28, 34)
_PALE: Rgb = (92, 100, 110)
_AMBER: Rgb = (255, 236, 199)
_BROWN: Rgb = (110, 66, 0)
_WIDTH, _MARGIN, _GAP, _COLUMNS = 1600, 28, 12, 4
_CELL = (_WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) // _COLUMNS
_HEAD = 132
_CAPTION_SHIFT = 8  # the model stands a little lower than the middle, below the caption
_NAME_SIZE, _FACT_SIZE, _WARNING_SIZE = 30, 17, 16
_LINE = 27


def show_sheet(model: Model, report: ModelReport, engine: AbstractEngine) -> NDArray[np.uint8]:
    """``(H, 1600, 3)`` sRGB.

    Args:
        model: What is shown; with its materials as authored.
        report: What is written about it.
        engine: Draws the views.

    """
    warnings = _warning_lines(report)
    rows = len(VIEWS) // _COLUMNS
    notes = _LINE * len(warnings) + (24 if warnings else 0)
    height = _HEAD + rows * (_CELL + _GAP) - _GAP + notes + _MARGIN
    page = Canvas(np.full((height, _WIDTH, 3), _PAGE, np.uint8))
    _write_head(page, model, report)
    studio = Studio(model, side_px=_CELL)
    for i, view in enumerate(VIEWS):
        x = _MARGIN + (i % _COLUMNS) * (_CELL + _GAP)
        y = _HEAD + (i // _COLUMNS) * (_CELL + _GAP)
        page.rgb[y : y + _CELL, x : x + _CELL] = _cell(studio, view, engine)
    _write_warnings(page, warnings, top=height - _MARGIN - notes + 12)
    return page.picture()


def _cell(studio: Studio, view: View, engine: AbstractEngine) -> NDArray[np.uint8]:
    middle = (_CELL - 1) / 2
    scene = studio.scene(view, (middle, middle + _CAPTION_SHIFT))
    buffers = engine.render(scene)
    canvas, camera = Canvas(display_of_radiance(buffers.radiance, TONE)), scene.camera
    draw_outline(canvas, buffers)
    caption = view.name
    if view.is_flat:
        towards_eye = studio.axis_towards_eye(view)
        caption = f"{view.name}, from {towards_eye}"
        looked_down = "XYZ".index(towards_eye[1])
        draw_box(canvas, studio, camera, buffers, flat_axis=looked_down)
        draw_axes(canvas, studio, camera, buffers)
        for axis in {0, 1, 2} - {looked_down}:
            draw_ruler(canvas, studio, camera, axis=axis)
    else:
        draw_box(canvas, studio, camera, buffers)
        draw_axes(canvas, studio, camera, buffers)
    canvas.text((12, 9), caption, size=16, color=_PALE)
    return canvas.picture()


def _write_head(page: Canvas, model: Model, report: ModelReport) -> None:
    page.text((_MARGIN, 22), model.name, size=_NAME_SIZE, color=_INK)
    up = model.up.upper() if model.up.startswith("-") else f"+{model.up.upper()}"
    facts = [
        size_text(report.size_m),
        f"unit of the file: {unit_text(report.unit_m)}, {report.unit_source}",
        f"category {report.category}",
        f"{report.triangles:,} triangles",
        f"up is {up}",
    ]
    page.text((_MARGIN, 66), "   |   ".join(facts), size=_FACT_SIZE, color=_INK)
    page.text((_MARGIN, 94), _where_text(model), size=_FACT_SIZE, color=_PALE)
    _write_legend(page, model)


def _where_text(model: Model) -> str:
    """A line that says where the box lies in the file's frame."""
    name, metres = suited_unit(model.extent_m)
    low, high = model.bounds_m / metres
    spans = [f"{axis} {_signed(low[k])} to {_signed(high[k])}" for k, axis in enumerate("xyz")]
    text = f"box of the model: {', '.join(spans)} {name}"
    _, is_origin = axes_origin_m(model)
    if is_origin:
        return f"{text}   |   axes at the origin of the file"
    away = float(np.linalg.norm(model.center_m))
    return (
        f"{text}   |   axes at the box's lowest corner: the origin of the file is "
        f"{length_text(away)} away"
    )


def _signed(value: float) -> str:
    return number_text(round(float(value), 6) + 0.0)


def _write_legend(page: Canvas, model: Model) -> None:
    """Writes what colours and ruler mean, in the upper right corner."""
    name, metres = suited_unit(model.extent_m)
    text = f"ruler: each bar {number_text(round_step(model.extent_m) / metres)} {name}"
    x = _WIDTH - _MARGIN - page.text_width(text, _FACT_SIZE)
    page.text((x, 31), text, size=_FACT_SIZE, color=_INK)
    x -= 36
    for letter, color in reversed(list(zip("XYZ", AXIS_COLORS, strict=True))):
        page.text((x, 31), letter, size=_FACT_SIZE, color=color, anchor="ra")
        page.line(np.array([[x - 44.0, 41.0], [x - 18.0, 41.0]]), color, width=3)
        x -= 64


def _warning_lines(report: ModelReport) -> list[str]:
    """The warnings as lines that fit the page."""
    room = Canvas(np.zeros((1, 1, 3), np.uint8))
    lines: list[str] = []
    for warning in report.warnings:
        line = "!"
        for word in warning.split():
            if room.text_width(f"{line} {word}", _WARNING_SIZE) > _WIDTH - 2 * _MARGIN - 32:
                lines.append(line)
                line = "  "
            line = f"{line} {word}"
        lines.append(line)
    return lines


def _write_warnings(page: Canvas, lines: list[str], *, top: int) -> None:
    if not lines:
        return
    bottom = top + _LINE * len(lines) + 12
    page.rgb[top:bottom, _MARGIN : _WIDTH - _MARGIN] = _AMBER
    for i, line in enumerate(lines):
        at = (_MARGIN + 16, top + 9 + i * _LINE)
        page.text(at, line, size=_WARNING_SIZE, color=_BROWN)
