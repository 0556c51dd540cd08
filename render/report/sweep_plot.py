"""`sweep.png`: a panel a measure, the swept override to the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.report.canvas import Canvas, Rgb
from render.report.measures import MEASURES, Spread
from render.report.sweep_axis import Arrangement, SweptJob, arrange

__all__ = ["draw_sweep", "round_ticks"]

_COLUMNS = 3
_WIDTH, _HEIGHT = 330, 230  # of a panel between its axes
_LEFT, _TOP, _RIGHT = 58, 44, 26
_TEXT, _TITLE = 13, 16
_MAX_LABEL_PX = 150  # of a category that is written upwards
_TITLES = {
    "visib_fract": "visible share of the silhouette",
    "occluded_fract": "hidden share of what is in the frame",
    "truncated_fract": "share outside of the frame",
    "size_px": "longest side of the box, pixels",
    "brightness": "brightness of the visible part, 0 to 1",
}
_INK: Rgb = (30, 30, 30)
_SOFT: Rgb = (110, 110, 110)
_FAINT: Rgb = (226, 226, 226)
_BAND = 0.16  # opacity
_COLORS: tuple[Rgb, ...] = (
    (31, 93, 170), (214, 96, 24), (40, 140, 70), (180, 40, 90), (120, 80, 180),
    (140, 96, 40), (20, 150, 160), (90, 90, 90),
)  # fmt: skip


def draw_sweep(jobs: Sequence[SweptJob]) -> NDArray[np.uint8] | None:
    """The jobs of a sweep: mean and 10 to 90 % of each of `MEASURES` over their targets.

    Along numbers the means are joined and the spread is a band; of words it is a bar.

    Args:
        jobs: Those without spreads are counted, not drawn.

    Returns:
        ``(H, W, 3)`` RGB; None if there is nothing to draw.

    """
    shown = [job for job in jobs if job.spreads]
    if not shown:
        return None
    plan = arrange(jobs)
    page = _Page.of(plan)
    lines = math.ceil((len(MEASURES) + 1) / _COLUMNS)
    size_hw = lines * page.cell_height, _COLUMNS * (_LEFT + _WIDTH + _RIGHT)
    canvas = Canvas(np.full((*size_hw, 3), 255, np.uint8))
    for i, name in enumerate(MEASURES):
        spreads = [job.spreads[name] for job in shown if name in job.spreads]
        top = max((max(s.mean, s.p90) for s in spreads), default=0.0)
        ticks = round_ticks(top) if name == "size_px" else round_ticks(1.0)
        _draw_panel(_Panel(canvas, page, i, page.x_range, ticks[-1]), plan, name, ticks)
    _draw_legend(canvas, page, plan, n_missing=len(jobs) - len(shown))
    return canvas.picture()


def round_ticks(top: float) -> tuple[float, ...]:
    """From 0 to `top` or just above it, in 2 to 6 steps of 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return 0.0, 1.0
    power = 10.0 ** math.floor(math.log10(top / 5))
    # What is a step by rounding alone is none.
    step = next(m * power for m in (1, 2, 5, 10) if top / (m * power) <= 6 + 1e-9)
    return tuple(i * step for i in range(math.ceil(top / step - 1e-9) + 1))


@dataclass(frozen=True, kw_only=True)
class _Page:
    """What all panels of the plot share.

    Attributes:
        x_range: Ends of the x axis.
        upwards: Whether ticks are written upwards, because they are wider than their places.
        label_px: Space for ticks below a panel.

    """

    x_range: tuple[float, float]
    upwards: bool
    label_px: int

    @property
    def cell_height(self) -> int:
        """Height of a panel with all that is written around it, pixels."""
        return _TOP + _HEIGHT + self.label_px + 34

    @classmethod
    def of(cls, plan: Arrangement) -> _Page:
        places = [x for x, _ in plan.ticks]
        lo, hi = places[0], places[-1]
        if not plan.numeric:
            return cls.of_words(plan, (lo - 0.5, hi + 0.5))
        margin = 0.05 * (hi - lo) or 0.5 * max(abs(lo), 1e-6)
        return cls(x_range=(lo - margin, hi + margin), upwards=False, label_px=20)

    @classmethod
    def of_words(cls, plan: Arrangement, x_range: tuple[float, float]) -> _Page:
        widest = max(_width(text, _TEXT) for _, text in plan.ticks)
        if widest + 8 <= _WIDTH / len(plan.ticks):
            return cls(x_range=x_range, upwards=False, label_px=20)
        return cls(x_range=x_range, upwards=True, label_px=8 + round(min(widest, _MAX_LABEL_PX)))


@dataclass(frozen=True)
class _Panel:
    """Where values of a panel lie on the canvas."""

    canvas: Canvas
    page: _Page
    number: int
    x_range: tuple[float, float]
    y_top: float

    @property
    def corner(self) -> tuple[float, float]:
        """``(x, y)`` of the upper left corner of its axes, pixels."""
        line, column = divmod(self.number, _COLUMNS)
        left = column * (_LEFT + _WIDTH + _RIGHT) + _LEFT
        return float(left), float(line * self.page.cell_height + _TOP)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """``(u, v)`` of a value, pixels."""
        lo, hi = self.x_range
        left, top = self.corner
        return left + (x - lo) / (hi - lo) * _WIDTH, top + (1 - y / self.y_top) * _HEIGHT


def _draw_panel(panel: _Panel, plan: Arrangement, name: str, ticks: Sequence[float]) -> None:
    canvas, (left, top) = panel.canvas, panel.corner
    digits = max(0, -math.floor(math.log10(ticks[1]) + 1e-9))
    for tick in ticks:
        _, y = panel.at(0.0, tick)
        canvas.line(np.array([[left, y], [left + _WIDTH, y]]), _FAINT)
        canvas.text((left - 7, y), f"{tick:.{digits}f}", size=_TEXT, color=_INK, anchor="rm")
    for i, line in enumerate(plan.lines):
        points = [(x, job.spreads[name]) for x, job in line.jobs if name in job.spreads]
        # Bars of several lines stand side by side.
        shift = 0.0 if plan.numeric else 0.5 * ((i + 0.5) / len(plan.lines) - 0.5)
        _draw_line(panel, [(x + shift, s) for x, s in points], _color(i), band=plan.numeric)
    y = top + _HEIGHT
    canvas.line(np.array([[left, top], [left, y], [left + _WIDTH, y]]), _INK)
    _draw_ticks(panel, plan)
    middle = left + _WIDTH / 2
    canvas.text((left, top - 30), name, size=_TITLE, color=_INK)
    right = left + _WIDTH
    canvas.text((right, top - 28), _TITLES[name], size=_TEXT, color=_SOFT, anchor="ra")
    x_name = _cut(plan.x_name, _TEXT, _WIDTH)
    y += panel.page.label_px + 6
    canvas.text((middle, y), x_name, size=_TEXT, color=_SOFT, anchor="ma")


def _draw_ticks(panel: _Panel, plan: Arrangement) -> None:
    """Draws a tick below each x that a job has; of numbers, those that there is room for."""
    canvas, taken = panel.canvas, -math.inf
    for x, whole in plan.ticks:
        text = _cut(whole, _TEXT, _MAX_LABEL_PX)
        width = _width(text, _TEXT)
        u, v = panel.at(x, 0.0)
        canvas.line(np.array([[u, v], [u, v + 4]]), _INK)
        if panel.page.upwards:
            middle = u, v + 8 + width / 2
            canvas.text(middle, text, size=_TEXT, color=_INK, upwards=True)
        elif u - width / 2 > taken:
            canvas.text((u, v + 7), text, size=_TEXT, color=_INK, anchor="ma")
            taken = u + width / 2 + 6


def _draw_line(
    panel: _Panel, points: Sequence[tuple[float, Spread]], color: Rgb, *, band: bool
) -> None:
    canvas = panel.canvas
    means = np.array([panel.at(x, s.mean) for x, s in points])
    lower = np.array([panel.at(x, s.p10) for x, s in points])
    upper = np.array([panel.at(x, s.p90) for x, s in points])
    if band and len(points) > 1:
        canvas.shade(np.concatenate([lower, upper[::-1]]), color, opacity=_BAND)
    else:
        for ends in zip(lower, upper, strict=True):
            canvas.line(np.array(ends), color, width=2)
    if len(points) > 1:
        canvas.line(means, color, width=2 if band else 1)
    for u, v in means:
        canvas.dot((u, v), color, radius=4)


def _draw_legend(canvas: Canvas, page: _Page, plan: Arrangement, *, n_missing: int) -> None:
    """Draws the legend in the cell after the last panel."""
    u, v = _Panel(canvas, page, len(MEASURES), page.x_range, 1.0).corner
    u, bottom = u - 20, v + _HEIGHT
    spread = "band" if plan.numeric else "bar"
    notes = ["dot: mean over the labelled targets of a job", f"{spread}: 10 to 90 % of them"]
    if n_missing:
        notes.append(f"{n_missing} of {n_missing + _count(plan)} jobs not shown: see sweep.csv")
    for note in notes:
        canvas.text((u, v), note, size=_TEXT, color=_SOFT)
        v += 20
    names = [line.name for line in plan.lines if line.name]
    room = int((bottom - v - 10) // 20)
    fitting = names if len(names) <= room else names[: room - 1]
    for i, name in enumerate(fitting):
        y = v + 20 + 20 * i
        canvas.line(np.array([[u, y], [u + 26, y]]), _color(i), width=2)
        canvas.dot((u + 13, y), _color(i), radius=4)
        text = _cut(name, _TEXT, _WIDTH - 20)
        canvas.text((u + 36, y), text, size=_TEXT, color=_INK, anchor="lm")
    if len(fitting) < len(names):
        y = v + 20 + 20 * len(fitting)
        text = f"and {len(names) - len(fitting)} more"
        canvas.text((u + 36, y), text, size=_TEXT, color=_SOFT, anchor="lm")


def _count(plan: Arrangement) -> int:
    return sum(len(line.jobs) for line in plan.lines)


def _color(i: int) -> Rgb:
    return _COLORS[i % len(_COLORS)]


def _width(text: str, size: int) -> float:
    return Canvas(np.zeros((1, 1, 3), np.uint8)).text_width(text, size)


def _cut(text: str, size: int, width: float) -> str:
    """The text, without its middle where it is wider than `width` pixels."""
    length, shown = len(text), text
    while _width(shown, size) > width and length > 2:
        length -= 1
        shown = f"{text[: (length + 1) // 2]}...{text[len(text) - length // 2 :]}"
    return shown
