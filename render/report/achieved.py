"""What was asked of occlusion, truncation and size, and what the labels say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from render.report.canvas import Canvas, Rgb
from render.sampling.arrangement import ARRANGEMENTS
from render.system.plain_data import json_of

__all__ = ["TOLERANCES", "Reached", "asked_models", "plot", "reached", "unplaced"]

# How near the label is promised to come: of shares the difference, of sizes relative to asked.
TOLERANCES: Mapping[str, float] = {
    "occluded_fract": 0.03,
    "truncated_fract": 0.03,
    "size_px": 0.01,
    "size_frac": 0.01,
}
_SIZES = ("size_px", "size_frac")


@dataclass(frozen=True, eq=False, kw_only=True)
class Reached:
    """What one leaf asked for, and what labels say, over a dataset.

    Attributes:
        name: Name that the leaf and the label share.
        asked: ``(N,)`` one for each label: every target for ``occluded_fract``, the principal
            one of each frame for the others.
        achieved: ``(N,)``.

    """

    name: str
    asked: NDArray[np.float64]
    achieved: NDArray[np.float64]

    @property
    def is_size(self) -> bool:
        """Whether the leaf is a size, whose errors are relative."""
        return self.name in _SIZES

    @property
    def errors(self) -> NDArray[np.float64]:
        """``(N,)`` achieved - asked; of sizes relative to what is asked."""
        off = self.achieved - self.asked
        return np.asarray(off / self.asked if self.is_size else off)

    @property
    def n_within(self) -> int:
        """Number of labels within the tolerance."""
        # Rounding of the last digit is no miss.
        return int(np.count_nonzero(np.abs(self.errors) <= TOLERANCES[self.name] + 1e-9))

    def as_dict(self) -> dict[str, Any]:
        """The entry of the leaf in dataset.yaml."""
        return {
            "labels": len(self.asked),
            "within": self.n_within,
            "tolerance": TOLERANCES[self.name],
            "mean_error": float(np.abs(self.errors).mean()),
            "largest_error": float(np.abs(self.errors).max()),
        }


def reached(
    frames: Iterable[Mapping[str, Any]], instances: Iterable[Mapping[str, Any]]
) -> tuple[Reached, ...]:
    """Compares what leaves asked for with the labels of all records, leaf by leaf; a leaf that no
    frame sets is left out.

    Args:
        frames: Rows of frames. Of a scene with several views the first one is what was asked.
        instances: Rows of instances, of the same frames. Targets of which nothing lies in the
            frame have no label and are left out.

    """
    asked = {row["frame_idx"]: _asked(row) for row in frames}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in TOLERANCES}
    for row in instances:
        for name, pair in _pairs(asked[row["frame_idx"]], row):
            found[name].append(pair)
    return tuple(
        Reached(name=name, asked=np.array(pairs)[:, 0], achieved=np.array(pairs)[:, 1])
        for name, pairs in found.items()
        if pairs
    )


def asked_models(frame: Mapping[str, Any]) -> list[str]:
    """Models of the targets that θ of a row names, in its order."""
    objects = _theta(frame["theta"])["objects"]
    return list(objects["model"][: objects["count"]])


def unplaced(frame: Mapping[str, Any]) -> list[str]:
    """Models of the targets that θ of a row names and its placement does not hold."""
    placed = json_of(frame["placement"])["instances"]
    shown = {one["theta_idx"] for one in placed if one["role"] == "target"}
    return [name for i, name in enumerate(asked_models(frame)) if i not in shown]


@lru_cache(maxsize=1)  # the same frame is asked for one thing after the other
def _theta(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json_of(text)
    return found


def _pairs(
    asked: Mapping[str, float | None], row: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[float, float]]]:
    if row["role"] != "target":
        return
    for name, value in _achieved(row).items():
        wanted = asked[name]
        if wanted is not None and value is not None:
            yield name, (wanted, value)


def _asked(frame: Mapping[str, Any]) -> dict[str, float | None]:
    if frame.get("view_idx"):
        return dict.fromkeys(TOLERANCES)
    theta = _theta(frame["theta"])
    scale = theta["scale"]
    settled = ARRANGEMENTS[theta["objects"]["arrangement"]].settles
    if theta["camera"]["T_world_cam"] is not None or settled & {f"scale.{leaf}" for leaf in scale}:
        # The camera stays where it is: sizes and truncation are what they are.
        scale = dict.fromkeys(scale)
    size_px = scale["size_px"] if scale["distance_m"] is None else None
    by_frac = scale["distance_m"] is None and size_px is None
    return {
        "occluded_fract": theta["occlusion"]["occluded_fract"],
        "truncated_fract": theta["truncation"]["truncated_fract"],
        "size_px": size_px,
        "size_frac": scale["size_frac"] if by_frac else None,
    }


def _achieved(row: Mapping[str, Any]) -> dict[str, float | None]:
    values: dict[str, float | None] = {"occluded_fract": row["occluded_fract"]}
    if row["instance_idx"] == 0:
        box = row["bbox_obj"]
        side = None if box is None else max(box[2:])
        values["truncated_fract"] = row["truncated_fract"]
        values["size_px"] = side
        values["size_frac"] = None if side is None else side / max(row["width"], row["height"])
    return values


# --- the plot ----------------------------------------------------------------------------

_PANEL = 360
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 44, 20, 52
_INK: Rgb = (30, 30, 30)
_FAINT: Rgb = (222, 222, 222)
_BAND: Rgb = (226, 240, 226)
_DOT: Rgb = (31, 93, 170)


def plot(found: tuple[Reached, ...]) -> bytes:
    """A PNG with one panel a leaf: asked to the right, achieved upwards.

    The band along the diagonal is what is promised; each label is a dot.
    """
    panels = [_panel(one) for one in found]
    return iio.imwrite("<bytes>", np.hstack(panels), extension=".png")


def _panel(one: Reached) -> NDArray[np.uint8]:
    height, width = _TOP + _PANEL + _BOTTOM, _LEFT + _PANEL + _RIGHT
    canvas = Canvas(np.full((height, width, 3), 255, np.uint8))
    both = np.concatenate([one.asked, one.achieved])
    lo, hi = 0.0, 1.05 * float(both.max()) if one.is_size else 1.0

    def at(asked: Any, achieved: Any) -> NDArray[np.float64]:
        x = _LEFT + (np.asarray(asked, np.float64) - lo) / (hi - lo) * _PANEL
        y = _TOP + (1.0 - (np.asarray(achieved, np.float64) - lo) / (hi - lo)) * _PANEL
        return np.stack([x, y], axis=-1)

    tolerance = TOLERANCES[one.name]
    ends = np.array([lo, hi])
    off = tolerance * ends if one.is_size else np.full(2, tolerance)
    canvas.fill(np.concatenate([at(ends, ends - off), at(ends, ends + off)[::-1]]), _BAND)
    for tick in np.linspace(lo, hi, 6):
        canvas.line(at([tick, tick], ends), _FAINT)
        canvas.line(at(ends, [tick, tick]), _FAINT)
        text = f"{tick:.1f}" if hi < 5 else f"{tick:.0f}"
        x, y = at(tick, lo)
        canvas.text((x, y + 6), text, size=13, color=_INK, anchor="ma")
        x, y = at(lo, tick)
        canvas.text((x - 6, y), text, size=13, color=_INK, anchor="rm")
    canvas.line(at(ends, ends), _INK)
    for u, v in at(one.asked, one.achieved):
        canvas.dot((u, v), _DOT, radius=2.5)
    middle = _LEFT + _PANEL / 2
    title = f"{one.name}: {one.n_within} of {len(one.asked)} within {_text(one.name)}"
    canvas.text((middle, 14), title, size=16, color=_INK, anchor="ma")
    canvas.text((middle, height - 22), "asked", size=14, color=_INK, anchor="ma")
    canvas.text((16, _TOP + _PANEL / 2), "achieved", size=14, color=_INK, upwards=True)
    return canvas.picture()


def _text(name: str) -> str:
    return f"{TOLERANCES[name]:.0%}" if name in _SIZES else f"{TOLERANCES[name]:g}"
