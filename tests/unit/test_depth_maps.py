"""Bounds of depth maps: they tell what need not be looked up, and what need not be emptied."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from render.engine.cpu import shadows
from render.engine.cpu.engine import CpuEngine
from render.kernels.depth_maps import (
    BLOCK,
    LEVELS,
    NOTHING,
    blocks_of,
    clear_map,
    draw_depth,
    gather_nearest,
)
from render.lights.light import Light
from tests.lit_scenes import BOX, MATT, WHITE, camera_at, floor, placed, scene

SIDE = 100


def drawn() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A map of a few faces, and its bounds."""
    rng = np.random.default_rng(7)
    at = np.column_stack([rng.uniform(0, 60, (30, 2)), rng.uniform(1.0, 3.0, 30)])
    at[:3, :2] = [[90.0, 90.0], [99.0, 90.0], [90.0, 99.0]]
    faces = np.arange(30, dtype=np.int32).reshape(-1, 3)
    depth = np.full(SIDE * SIDE, NOTHING, np.float32)
    nearest = np.full((LEVELS, blocks_of(SIDE) ** 2), NOTHING, np.float32)
    draw_depth(faces, np.arange(10, dtype=np.int32), 10, at, depth, nearest[0], SIDE)
    gather_nearest(nearest, SIDE)
    return depth, nearest


def test_nothing_in_a_block_is_nearer_than_its_bound() -> None:
    depth, nearest = drawn()

    blocks, image = blocks_of(SIDE), depth.reshape(SIDE, SIDE)
    assert (depth < NOTHING).any()
    assert (nearest[0] == np.float32(NOTHING)).any()
    for level in range(LEVELS):
        width = BLOCK << level
        for row in range(-(-SIDE // width)):
            for column in range(-(-SIDE // width)):
                block = image[row * width : (row + 1) * width, column * width :][:, :width]
                assert nearest[level, row * blocks + column] <= block.min()


def test_all_that_was_drawn_is_emptied() -> None:
    depth, nearest = drawn()

    clear_map(depth, nearest, SIDE)

    assert (depth == np.float32(NOTHING)).all()
    assert (nearest == np.float32(NOTHING)).all()


@pytest.mark.parametrize("has_place", [False, True], ids=["parallel", "point"])
@pytest.mark.parametrize("radius", [0.0, 6.0])
def test_bounds_change_no_shadow(
    has_place: bool, radius: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside pictures for which every point looks into the map, and all of that is emptied."""
    at = np.array([-1.5, -1.2, 3.0])
    lamp = Light(
        color=WHITE, intensity=1.0 if not has_place else float(at @ at), radius_deg=radius,
        radius_m=radius / 20.0, direction_world=tuple(-at),
        position_world=tuple(at) if has_place else None,
    )  # fmt: skip
    box = placed((BOX, (0.0, 0.0, 0.4), 0.8, MATT))
    views = [
        scene(camera_at((2.2, y, 3.0), (0.3, 0.3, 0.2), size_wh=(160, 120)), box, (lamp,),
              surfaces=(floor(),))
        for y in (-3.4, 2.0)
    ]  # fmt: skip

    cpu = CpuEngine()
    seen = [cpu.render(view).radiance for view in views]
    monkeypatch.setattr(shadows, "gather_nearest", lambda bounds, _: bounds.fill(-NOTHING))
    plain = [CpuEngine().render(view).radiance for view in views]

    np.testing.assert_array_equal(seen, plain)
