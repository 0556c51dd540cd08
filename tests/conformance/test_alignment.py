"""Edges of the colour image, of the ids and of the geometry are one line, to a part of a pixel.

A bright figure before black is drawn; the share of light in each pixel adds up, along rows or
columns, to where the edge lies. Slanted edges cross pixels at all phases, so that the mean over
an edge is exact to far less than a pixel for colour (four samples) and ids (one) alike.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from render.buffers import Buffers
from render.engine.base import AbstractEngine
from render.geometry.frames import rigid
from render.scene import Material, Scene, Texture
from tests.lit_scenes import glowing
from tests.oracle.hand_scenes import sheet
from tests.oracle.staging import scene_around, view

ANGLES_DEG = [3.3, 8.1, 17.0, 28.3, 35.1, 43.3, 58.9, 71.4, 86.2]
AT_MOST_PX = 0.05  # half of what the project promises
GLOWING = glowing(0.5, 0.5, 0.5)
SIDE_M = 0.9


def turned_square(material: Material, angle_deg: float) -> tuple[Scene, NDArray[np.float64]]:
    """A square turned in the image's plane; its corners, ``(4, 2)`` centre coordinates."""
    model = sheet(material, (0.0, 1.0))
    R = Rotation.from_euler("z", angle_deg, degrees=True).as_matrix()
    camera = view((0, 0, 2.0), (0, 0, 0), size_wh=(480, 480), shift_px=(0.37, -0.21))
    at = np.array([0.0131, -0.0077, 0.0])
    scene = scene_around(camera, [(model, rigid(R, at), SIDE_M)])
    backdrop = np.zeros_like(scene.backdrop)
    scene = Scene(camera=camera, instances=scene.instances, lights=(), backdrop=backdrop)
    world = SIDE_M * model.hull_m @ R.T + at
    cam = (np.c_[world, np.ones(4)] @ np.linalg.inv(camera.T_world_cam).T)[:, :3]
    uv = cam @ camera.K.T
    return scene, uv[:, :2] / uv[:, 2:]


def coverage_of(buffers: Buffers) -> dict[str, NDArray[np.float64]]:
    """Share of each pixel that the figure fills, by its light and by its ids."""
    linear = buffers.radiance[..., 1].astype(np.float64)
    return {
        "color": linear / linear.max(),
        "ids": (buffers.instance_idx == 0).astype(np.float64),
        "depth": (buffers.depth_m > 0).astype(np.float64),
    }


def offset_px(
    coverage: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> float:
    """Mean distance from the line a-b to the edge seen, towards the figure positive.

    The figure lies to the right of the way from a to b as the image shows it (y down).
    """
    way = (b - a) / np.linalg.norm(b - a)
    if abs(way[0]) > abs(way[1]):  # by columns: mirrored, and right again on the way back
        return offset_px(coverage.T, b[::-1], a[::-1])
    # Away from the corners by more than the band that is added up.
    margin, band = 14.0, 10
    low, high = sorted((a[1], b[1]))
    rows = np.arange(int(np.ceil(low + margin)), int(np.floor(high - margin)) + 1)
    x = a[0] + (rows - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
    first = np.round(x).astype(int) - band
    filled = coverage[rows[:, None], first[:, None] + np.arange(2 * band + 1)].sum(axis=1)
    figure_is_right = way[1] < 0  # going up, right is right
    seen = first - 0.5 + (2 * band + 1 - filled if figure_is_right else filled)
    inward = (seen - x) * (1.0 if figure_is_right else -1.0)
    return float(inward.mean() * abs(way[1]))


@pytest.mark.parametrize("angle_deg", ANGLES_DEG)
def test_outline(engine: AbstractEngine, angle_deg: float) -> None:
    scene, corners = turned_square(GLOWING, angle_deg)
    coverage = coverage_of(engine.render(scene))
    (silhouette,) = engine.silhouettes(scene, scene.instances)
    whole = np.zeros((480, 480))
    h, w = silhouette.mask.shape
    whole[silhouette.y0 : silhouette.y0 + h, silhouette.x0 : silhouette.x0 + w] = silhouette.mask
    coverage["silhouette"] = whole
    # The sheet's corners run anticlockwise in the world seen from above, and so in the image:
    # backwards, the figure is on the right.
    ring = corners[::-1]
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        off = {name: offset_px(c, a, b) for name, c in coverage.items()}
        assert all(abs(v) <= AT_MOST_PX for v in off.values()), off
        assert abs(off["color"] - off["ids"]) <= AT_MOST_PX
        assert off["ids"] == off["silhouette"] == off["depth"]


@pytest.mark.parametrize("angle_deg", ANGLES_DEG)
def test_border_of_a_cut_out(engine: AbstractEngine, angle_deg: float) -> None:
    # Alpha rises evenly between the middles of two texels: one half in the sheet's middle.
    image = np.full((1, 2, 4), 255, np.uint8)
    image[0, 0, 3] = 0
    cut = replace(
        GLOWING,
        base_color_texture=Texture(image=image, wrap_st=("clamp", "clamp")),
        alpha_mode="mask",
        alpha_cutoff=0.5,
    )
    scene, corners = turned_square(cut, angle_deg)
    coverage = coverage_of(engine.render(scene))
    bottom, top = (corners[0] + corners[1]) / 2, (corners[3] + corners[2]) / 2
    off = {name: offset_px(c, bottom, top) for name, c in coverage.items()}
    assert all(abs(v) <= AT_MOST_PX for v in off.values()), off
    assert abs(off["color"] - off["ids"]) <= AT_MOST_PX
    assert off["ids"] == off["depth"]


def test_the_measure_finds_a_shift_and_its_sign(engine: AbstractEngine) -> None:
    scene, corners = turned_square(GLOWING, 17.0)
    coverage = coverage_of(engine.render(scene))["color"]
    ring = corners[::-1]
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        way = (b - a) / np.linalg.norm(b - a)
        right = np.array([-way[1], way[0]])  # y down
        for shift_px in (-0.3, 0.2):
            # The line moves towards the figure; the edge stays, farther from it by as much.
            moved = shift_px * right
            found = offset_px(coverage, a + moved, b + moved)
            assert found == pytest.approx(-shift_px, abs=0.03)
