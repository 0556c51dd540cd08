"""Outlines of random masks, filled as the programs that read label files fill them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.ndimage import label

from render.writers.fragments import lost_fragments
from render.writers.outline import outline, outlines
from tests.polygon_readers import (
    assert_equal_but_for_spikes,
    bridges,
    filled_by_supervision,
    filled_by_ultralytics,
    iou,
)

Mask = NDArray[np.bool_]
CANVAS = 96


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Blobs, with holes, cut by bars, thin lines, dots, anywhere and at the edges."""
    size_wh = draw(st.integers(12, CANVAS)), draw(st.integers(12, CANVAS))
    canvas = np.zeros(size_wh[::-1], np.uint8)
    point = st.tuples(st.integers(-4, size_wh[0] + 4), st.integers(-4, size_wh[1] + 4))
    shapes = st.sampled_from(["disc", "hole", "bar", "gap", "line", "dot", "ellipse", "polygon"])
    for shape in draw(st.lists(shapes, min_size=1, max_size=8)):
        value = int(shape not in {"hole", "gap"})
        at = draw(point)
        if shape in {"disc", "hole"}:
            cv2.circle(canvas, at, draw(st.integers(1, 30)), value, -1)
        elif shape in {"bar", "gap", "line"}:
            cv2.line(canvas, at, draw(point), value, 1 if shape == "line" else 5)
        elif shape == "ellipse":
            axes = draw(st.integers(2, 40)), draw(st.integers(1, 12))
            cv2.ellipse(canvas, at, axes, draw(st.integers(0, 179)), 0, 360, value, -1)
        elif shape == "polygon":
            cv2.fillPoly(canvas, [np.array([at, draw(point), draw(point)])], value)
        else:
            x, y = min(max(at[0], 0), size_wh[0] - 1), min(max(at[1], 0), size_wh[1] - 1)
            canvas[y, x] = 1
    if draw(st.booleans()):  # ragged edges and speckles, as small far objects have
        noise = np.random.default_rng(draw(st.integers(0, 9999))).random(canvas.shape)
        canvas ^= noise < draw(st.sampled_from([0.003, 0.03, 0.3]))
    if not canvas.any():
        canvas[0, 0] = 1
    return canvas.astype(np.bool_)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mask=masks())
@example(mask=np.ones((1, 1), np.bool_))
@example(mask=np.ones((1, 40), np.bool_))
@example(mask=np.eye(30, dtype=np.bool_))
@example(mask=np.indices((9, 9)).sum(axis=0) % 2 == 0)
@example(mask=np.indices((20, 20)).max(axis=0) % 2 == 0)
def test_polygon_is_the_mask_and_the_shortest_bridges_and_no_more(mask: Mask) -> None:
    assume(label(mask)[1] <= 60)  # for the oracle's sake, which compares each with each
    under, steps = bridges(mask)
    polygon = outline(mask)

    assert len(polygon) >= 4
    # A step between pixels that touch by a corner may cost ultralytics one pixel, rarely.
    assert np.count_nonzero(filled_by_ultralytics(polygon, mask.shape) ^ mask) <= under + steps
    # The two spikes are one pixel each for supervision.
    assert np.count_nonzero(filled_by_supervision(polygon, mask.shape) ^ mask) <= under + 2


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mask=masks())
def test_polygon_of_a_connected_mask_is_exact(mask: Mask) -> None:
    parts, _ = label(mask)
    largest = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    polygon = outline(largest)

    np.testing.assert_array_equal(largest, filled_by_ultralytics(polygon, mask.shape))
    assert_equal_but_for_spikes(largest, filled_by_supervision(polygon, mask.shape))


@settings(max_examples=60, deadline=None)
@given(
    radius=st.integers(30, 45),
    bore=st.floats(0.1, 0.6),
    turn=st.integers(0, 59),
    bars=st.integers(0, 3),
    at=st.tuples(st.integers(20, 80), st.integers(20, 80)),
)
@example(radius=35, bore=0.59375, turn=35, bars=2, at=(20, 20))  # 21 pixels of bridges
def test_nut_behind_bars_keeps_its_shape(
    radius: int, bore: float, turn: int, bars: int, at: tuple[int, int]
) -> None:
    """IoU of the contract for what users have, rings cut by things in front of them; or, where
    the shortest bridges between the pieces cost more, what these leave.
    """
    angles = np.radians(turn + 60 * np.arange(6))
    corners = np.rint(np.array(at) + radius * np.stack([np.cos(angles), np.sin(angles)], 1))
    canvas = np.zeros((100, 100), np.uint8)
    cv2.fillPoly(canvas, [corners.astype(np.int32)], 1)
    cv2.circle(canvas, at, round(bore * radius), 0, -1)
    for x in np.linspace(at[0] - radius / 2, at[0] + radius / 2, bars).astype(int):
        canvas[:, x : x + 2] = 0
    mask = canvas.astype(np.bool_)
    polygon = outline(mask)
    under, steps = bridges(mask)
    area = np.count_nonzero(mask)

    by_ultralytics = iou(mask, filled_by_ultralytics(polygon, mask.shape))
    by_supervision = iou(mask, filled_by_supervision(polygon, mask.shape))
    assert by_ultralytics >= min(0.98, area / (area + under + steps))
    assert by_supervision >= min(0.98, area / (area + under + 2))


HOLED = np.ones((9, 12), np.bool_)
HOLED[2:5, 3:6] = HOLED[6, 8] = HOLED[7, 9] = False


def rings_in_coco(mask: Mask) -> list[list[float]]:
    return [ring.ravel().round(3).tolist() for ring in outlines(mask)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mask=masks())
@example(mask=np.ones((1, 1), np.bool_))
@example(mask=np.eye(30, dtype=np.bool_))
@example(mask=np.indices((9, 9)).sum(axis=0) % 2 == 0)
@example(mask=HOLED)
def test_polygons_of_coco_are_the_mask_with_its_holes(mask: Mask) -> None:
    rings, size_hw = rings_in_coco(mask), mask.shape
    by_coco = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, *size_hw)))
    cut_down = np.zeros(size_hw, np.uint8)
    for ring in rings:
        cv2.fillPoly(cut_down, [np.array(ring).reshape(-1, 2).astype(int)], 1)

    assert iou(by_coco.astype(bool), mask) == 1.0
    assert iou(cut_down.astype(bool), mask) == 1.0
    # One for each piece, by the corners that it touches others with or not.
    assert len(rings) == label(mask)[1]
    xy = np.array([v for ring in rings for v in ring]).reshape(-1, 2)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    extent = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose([*xy.min(axis=0), *xy.max(axis=0)], extent, atol=0.0161)


def test_polygons_of_coco_are_areas_to_programs_of_geometry() -> None:
    shapely = pytest.importorskip("shapely")
    (ring,) = rings_in_coco(HOLED)
    area = shapely.Polygon(np.array(ring).reshape(-1, 2)).buffer(0).area

    assert area == pytest.approx(HOLED.sum(), rel=0.02)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mask=masks())
def test_what_one_polygon_loses_is_counted(mask: Mask) -> None:
    pieces, px = lost_fragments(mask)
    filled = filled_by_ultralytics(outline(mask), mask.shape)
    parts, count = label(mask)
    # A piece is left out where nothing of it is filled; a bridge may run over one.
    sizes, covered = np.bincount(parts.ravel()), np.bincount(parts[filled], minlength=count + 1)
    missing = (sizes[1:] > 0) & (covered[1:] == 0)

    assert missing.sum() <= pieces < count
    assert sizes[1:][missing].sum() <= px < mask.sum()
    assert (pieces == 0) == (px == 0)
    if count == 1:
        assert (pieces, px) == (0, 0)


def test_a_speck_far_away_is_lost() -> None:
    mask = np.zeros((20, 40), np.bool_)
    mask[5:15, 5:15] = mask[8:10, 35] = mask[16:19, 12:15] = True

    assert lost_fragments(mask) == (1, 2)
