"""Masks as runs, and their RLE, against pixels counted by hand and pycocotools' own encoder."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from render.geometry.pixels import Box
from render.geometry.rle import decode_rle, encode_rles
from render.geometry.runs import Runs, RunTable
from tests.polygon_readers import rle_by_pycocotools

Mask = NDArray[np.bool_]
Window = tuple[int, int, Mask]
LARGEST = 14


@st.composite
def masks(draw: st.DrawFn, height: int | None = None, width: int | None = None) -> Mask:
    """Empty, full, noise, single pixels, rectangles that reach edges, whole columns and rows."""
    h = draw(st.integers(1, LARGEST)) if height is None else height
    w = draw(st.integers(1, LARGEST)) if width is None else width
    mask = draw(arrays(np.bool_, (h, w))) if draw(st.booleans()) else np.zeros((h, w), np.bool_)
    for _ in range(draw(st.integers(0, 3))):
        rows = sorted(draw(st.tuples(st.integers(0, h), st.integers(0, h))))
        columns = sorted(draw(st.tuples(st.integers(0, w), st.integers(0, w))))
        value = draw(st.booleans())
        kind = draw(st.sampled_from(["rectangle", "columns", "rows", "all"]))
        if kind in {"columns", "all"}:
            rows = [0, h]
        if kind in {"rows", "all"}:
            columns = [0, w]
        mask[slice(*rows), slice(*columns)] = value
    return mask


@st.composite
def frames(draw: st.DrawFn) -> tuple[tuple[int, int], list[Window]]:
    """A size and windows inside, across its edges, all over it and beside it."""
    size_wh = draw(st.integers(1, LARGEST)), draw(st.integers(1, LARGEST))
    place = st.integers(-LARGEST, LARGEST)
    windows = [(draw(place), draw(place), draw(masks())) for _ in range(draw(st.integers(0, 4)))]
    if draw(st.booleans()):
        windows.insert(0, (0, 0, draw(masks(size_wh[1], size_wh[0]))))
    if draw(st.booleans()):
        windows.append((0, 0, np.zeros((0, 0), np.bool_)))
    return size_wh, windows


def whole(window: Window, size_wh: tuple[int, int]) -> Mask:
    """The mask of the frame, pixel by pixel."""
    x0, y0, part = window
    mask = np.zeros(size_wh[::-1], np.bool_)
    for row, column in np.argwhere(part):
        x, y = x0 + column, y0 + row
        if 0 <= x < size_wh[0] and 0 <= y < size_wh[1]:
            mask[y, x] = True
    return mask


def extent(mask: Mask) -> Box | None:
    y, x = np.nonzero(mask)
    return Box(*map(float, (x.min(), y.min(), x.max() + 1, y.max() + 1))) if len(x) else None


def assert_holds(table: RunTable, expected: list[Mask]) -> None:
    """Every mask, its count, its extent and its RLE."""
    found = table.masks()

    assert len(found) == len(expected)
    for runs, mask in zip(found, expected):
        np.testing.assert_array_equal(mask, runs.pixels())
        # Apart, too: runs that touch would be one.
        assert (np.diff(np.stack([runs.starts, runs.ends], axis=1).ravel()) > 0).all()
    assert [int(mask.sum()) for mask in expected] == table.areas()
    assert [extent(mask) for mask in expected] == table.boxes()
    assert [rle_by_pycocotools(mask) for mask in expected] == encode_rles(
        found, size_wh=table.size_wh
    )
    again = RunTable.of(found, size_wh=table.size_wh)
    for name in ("starts", "ends", "first"):
        np.testing.assert_array_equal(getattr(table, name), getattr(again, name))


@settings(max_examples=400, deadline=None)
@given(frames())
@example(((3, 2), [(0, 0, np.ones((2, 3), np.bool_)), (0, 0, np.ones((2, 3), np.bool_))]))
@example(((3, 2), [(1, -1, np.ones((4, 1), np.bool_)), (0, 0, np.zeros((2, 3), np.bool_))]))
@example(((1, 5), [(0, 4, np.ones((1, 1), np.bool_)), (0, 0, np.ones((1, 1), np.bool_))]))
@example(((5, 1), [(2, 0, np.ones((1, 9), np.bool_)), (-3, 0, np.ones((1, 4), np.bool_))]))
def test_windows(frame: tuple[tuple[int, int], list[Window]]) -> None:
    size_wh, windows = frame

    table = RunTable.of_windows(windows, size_wh=size_wh)

    assert_holds(table, [whole(window, size_wh) for window in windows])


@settings(max_examples=200, deadline=None)
@given(frames(), st.integers(0, 3))
def test_ids(frame: tuple[tuple[int, int], list[Window]], more: int) -> None:
    (width, height), windows = frame
    ids = np.full((height, width), -1, np.int32)
    for i, window in enumerate(windows):
        ids[whole(window, (width, height))] = i - 1
    count = max(len(windows) - 2 + more, 0)  # also fewer than there are, and more

    table = RunTable.of_ids(ids, count)

    assert_holds(table, [ids == i for i in range(count)])


@settings(max_examples=200, deadline=None)
@given(masks())
def test_one_mask(mask: Mask) -> None:
    height, width = mask.shape

    (text,) = encode_rles([Runs.of(mask)], size_wh=(width, height))

    np.testing.assert_array_equal(mask, Runs.of(mask).pixels())
    np.testing.assert_array_equal(mask, decode_rle(text, size_wh=(width, height)))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.lists(st.integers(0, 489_999), max_size=30))
def test_long_runs(width: int, height: int, turns: list[int]) -> None:
    """Counts and differences of one to five characters."""
    changes = np.zeros(width * height, np.bool_)
    changes[[turn for turn in turns if turn < changes.size]] = True
    mask = (np.cumsum(changes) % 2 == 1).reshape(width, height).T

    assert [rle_by_pycocotools(mask)] == encode_rles([Runs.of(mask)], size_wh=(width, height))


def test_rle_is_cocos_own() -> None:
    mask = np.zeros((4, 3), np.bool_)
    mask[1:3, 1] = True

    # Down the columns: 5 unset, 2 set, 5 unset; each a character from "0" on.
    assert ["525"] == encode_rles([Runs.of(mask)], size_wh=(3, 4))
    assert [] == encode_rles([], size_wh=(3, 4))
