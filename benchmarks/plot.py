"""A plot of what the benchmarks recorded: stages beside their floors, and engine beside stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from benchmarks.command import ROOT
from render.report.canvas import Canvas, Rgb

__all__ = ["PLOT", "write_plot"]

PLOT = ROOT / "benchmarks" / "results.png"

_WIDTH, _HEIGHT, _HALF = 1180, 940, 590
_INK: Rgb = (30, 30, 30)
_PALE: Rgb = (150, 156, 164)
_OURS: Rgb = (74, 126, 178)
_STOCK: Rgb = (196, 100, 36)
_FLOOR: Rgb = (205, 224, 240)
_CASES = {"default": "default run", "ten": "ten objects, sun, photograph"}
_ROW = 22


def write_plot(recorded: Mapping[str, Any]) -> None:
    """Draws all parts that are there into `PLOT`.

    Args:
        recorded: What `record.RESULTS` holds.

    """
    canvas = Canvas(np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8))
    if "stages" in recorded:
        figures = recorded["stages"]["figures"]
        for i, case in enumerate(name for name in _CASES if name in figures):
            drawn = _CASES[case], _engine_of(recorded["stages"])
            _draw_stages(canvas, (30.0 + i * _HALF, 20.0), drawn, figures[case])
    if "engine" in recorded:
        rows = recorded["engine"]["figures"]["rows"]
        ours = _engine_of(recorded["engine"])
        for i, shadows in enumerate((False, True)):
            chosen = [r for r in rows if r["light"] == "directional" and r["shadows"] == shadows]
            title = f"ms of one core a frame, {'with' if shadows else 'without'} shadows"
            _draw_lines(canvas, (30.0 + i * _HALF, 430.0), (title, ours), chosen)
    if "scaling" in recorded:
        scaling = recorded["scaling"]
        _draw_scaling(canvas, (30.0, 870.0), _engine_of(scaling), scaling["figures"])
    cv2.imwrite(str(PLOT), canvas.picture()[..., ::-1])


def _engine_of(part: Mapping[str, Any]) -> str:
    """What drew, in a few words."""
    return str(part["renderer"]).partition(" (")[0] or "OpenGL"


def _draw_stages(
    canvas: Canvas,
    at: tuple[float, float],
    drawn: tuple[str, str],
    table: Mapping[str, Mapping[str, float]],
) -> None:
    """Bars of milliseconds, and the floors within them."""
    (x, y), (case, engine) = at, drawn
    whole = sum(row["ms"] for row in table.values())
    canvas.text((x, y), f"{case}: {whole:.0f} ms of one core", size=16, color=_INK)
    canvas.text((x, y + 22), f"by stage; {engine}; pale: floor", size=12, color=_PALE)
    left, room = x + 90, 360.0
    most = max(row["ms"] for row in table.values())
    for i, (stage, row) in enumerate(sorted(table.items(), key=lambda item: -item[1]["ms"])):
        top = y + 46 + i * _ROW
        canvas.text((left - 8, top + 8), stage, size=12, color=_INK, anchor="rm")
        _bar(canvas, left, top, room * row["ms"] / most, _OURS)
        _bar(canvas, left, top + 4, room * min(row["floor_ms"] / most, 1.0), _FLOOR, height=8)
        end = left + room * max(row["ms"], row["floor_ms"]) / most
        text = f"{row['ms']:.1f} ({row['floor_ms']:.1f})"
        canvas.text((end + 6, top + 8), text, size=11, color=_INK, anchor="lm")


def _bar(
    canvas: Canvas, x: float, y: float, length: float, color: Rgb, *, height: float = 16
) -> None:
    corners = [(x, y), (x + length, y), (x + length, y + height), (x, y + height)]
    canvas.fill(np.array(corners), color)


def _draw_lines(
    canvas: Canvas,
    at: tuple[float, float],
    titles: tuple[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Milliseconds over objects, both in logarithms; thin: with amodal masks."""
    (x, y), (title, ours) = at, titles
    canvas.text((x, y), title, size=16, color=_INK)
    canvas.text((x, y + 22), f"over objects; blue: {ours}; brown: stock pyrender; "
                "thin: with amodal masks", size=12, color=_PALE)  # fmt: skip
    left, top, width, height = x + 50, y + 50, 430.0, 330.0
    counts = sorted({row["objects"] for row in rows})
    if not counts:
        return
    low, high = 0.0, 4.2  # decades of milliseconds

    def place(count: float, ms: float) -> tuple[float, float]:
        along = np.log10(count) / max(np.log10(counts[-1]), 1.0)
        return left + width * float(along), top + height * (high - float(np.log10(ms))) / (
            high - low
        )

    for ms in (1, 10, 100, 1000, 10000):
        ends = np.array([place(1, ms), place(counts[-1], ms)])
        canvas.line(ends, (225, 228, 232))
        canvas.text((left - 8, ends[0, 1]), f"{ms:,}", size=11, color=_PALE, anchor="rm")
    for count in counts:
        canvas.text((place(count, 1)[0], top + height + 4), str(count), size=11, color=_PALE,
                    anchor="ma")  # fmt: skip
    for name, color in (("ours_ms", _OURS), ("stock_ms", _STOCK)):
        for amodal in (False, True):
            points = [place(r["objects"], r[name]) for r in rows if r["amodal"] == amodal]
            canvas.line(np.array(points), color, width=1 if amodal else 3)


def _draw_scaling(
    canvas: Canvas,
    at: tuple[float, float],
    engine: str,
    figures: Mapping[str, Mapping[str, float]],
) -> None:
    x, y = at
    title = f"frames/s over workers, each on a core of its own; {engine}"
    canvas.text((x, y), title, size=16, color=_INK)
    best = max(row["frames_per_s"] for row in figures.values())
    for i, (workers, row) in enumerate(sorted(figures.items(), key=lambda item: int(item[0]))):
        left = x + i * 300
        _bar(canvas, left, y + 28, 160 * row["frames_per_s"] / best, _OURS)
        text = f"{workers}: {row['frames_per_s']:.2f}"
        canvas.text((left + 168, y + 36), text, size=12, color=_INK, anchor="lm")
