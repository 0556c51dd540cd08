"""An engine's pixels beside the ray caster's: how many differ, and whether each may.

A pixel may differ where the caster sees, within `NEAR_PX` of the pixel's centre, what the engine
shows there (an edge, an intersection or a cut-out's border passes through), or where the
engine's surface lies on the ray within `TIE` of the depth of the nearest one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.engine.base import AbstractEngine
from render.geometry.pixels import Box
from render.labels.labeller import LabelFilters, label
from render.scene import Scene
from tests.oracle.flatten import projected_box
from tests.oracle.raycast import Rays

__all__ = ["DEPTH_REL", "NEAR_PX", "Figures", "Pixels", "compare", "edge_of"]

NEAR_PX = 1.0 / 64.0
TIE = 1e-5
DEPTH_REL = 1e-4
_CANVAS_SIZES = 8  # of the canvas that bounds silhouettes, in image sizes

# Samples of a disc, ring by ring: radii up to NEAR_PX, then, to report how far off, to 1 px.
_RADII = (np.arange(1, 17) / 1024.0, np.arange(2, 65) / 64.0)
_ANGLES = np.linspace(0.0, 2.0 * np.pi, 96, endpoint=False)
_RING = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
# Where more pixels differ, so many are looked at closely: the shares already tell.
_MOST = 100


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """One comparison of pixels, or several added up.

    Attributes:
        n: Pixels compared.
        n_differ: Pixels among these where engine and caster differ.
        n_edge: Pixels beside another id (4-neighbourhood) in the caster's picture.
        n_edge_differ: Pixels among these that differ.
        n_tie: Pixels that differ between surfaces of one depth.
        farthest_px: Largest distance of any other differing pixel to where the caster sees
            what the engine shows; inf if that is over one pixel.

    """

    n: int = 0
    n_differ: int = 0
    n_edge: int = 0
    n_edge_differ: int = 0
    n_tie: int = 0
    farthest_px: float = 0.0

    def __add__(self, other: Pixels) -> Pixels:
        counts = [f.name for f in fields(self) if f.name != "farthest_px"]
        total = {name: getattr(self, name) + getattr(other, name) for name in counts}
        return Pixels(farthest_px=max(self.farthest_px, other.farthest_px), **total)

    @property
    def agree(self) -> float:
        """Share of all pixels."""
        return 1.0 - self.n_differ / max(self.n, 1)

    @property
    def edge_agree(self) -> float:
        """Share of the pixels at silhouettes."""
        return 1.0 - self.n_edge_differ / max(self.n_edge, 1)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One scene, or several added up.

    Attributes:
        visible: Ids of the whole scene.
        amodal: Silhouettes of single instances, on all of the canvas where one can be.
        depth_rel: Largest relative depth error of pixels with the same id.
        n_depth_edge: Pixels left out of it: their depth is seen within `NEAR_PX`, at an inner
            edge.
        box_obj_px: Largest error of a side of bbox_obj; inf where one has no box.
        n_box_visib_off: Instances whose bbox_visib is not the extent of their pixels.
        n_count_off: Instances whose px_count_all is off by more pixels than differ.

    """

    visible: Pixels = Pixels()
    amodal: Pixels = Pixels()
    depth_rel: float = 0.0
    n_depth_edge: int = 0
    box_obj_px: float = 0.0
    n_box_visib_off: int = 0
    n_count_off: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            visible=self.visible + other.visible,
            amodal=self.amodal + other.amodal,
            depth_rel=max(self.depth_rel, other.depth_rel),
            n_depth_edge=self.n_depth_edge + other.n_depth_edge,
            box_obj_px=max(self.box_obj_px, other.box_obj_px),
            n_box_visib_off=self.n_box_visib_off + other.n_box_visib_off,
            n_count_off=self.n_count_off + other.n_count_off,
        )


def compare(scene: Scene, rays: Rays, engine: AbstractEngine) -> Figures:
    """Draws a scene and labels it, beside what `rays_of` it see."""
    buffers, silhouettes = engine.render(scene), engine.silhouettes(scene, scene.instances)
    ids, depth_m = rays.image(0, 0, scene.camera.size_wh)
    depth_rel, n_depth_edge = _depth(rays, buffers, ids, depth_m)
    amodal, n_count_off = _amodal(scene, rays, silhouettes)
    boxes = _boxes(scene, buffers, silhouettes)
    return Figures(
        visible=_pixels(rays, buffers.instance_idx, ids, depth_m, None, (0, 0)),
        amodal=amodal,
        depth_rel=depth_rel,
        n_depth_edge=n_depth_edge,
        box_obj_px=boxes[0],
        n_box_visib_off=boxes[1],
        n_count_off=n_count_off,
    )


def edge_of(ids: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Pixels with another id above, below, left or right."""
    edge = np.zeros(ids.shape, np.bool_)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _pixels(
    rays: Rays,
    shown: NDArray[np.int32],
    cast: NDArray[np.int32],
    depth: NDArray[np.float64],
    owner: int | None,
    origin_xy: tuple[int, int],
) -> Pixels:
    """Compares ids; `owner` is the only instance that exists, None if all do."""
    edge, differ = edge_of(cast), shown != cast
    n_tie, farthest_px = 0, 0.0
    for row, col in _some(differ):
        u, v = float(col + origin_xy[0]), float(row + origin_xy[1])
        wanted = shown[row, col]
        if wanted >= 0 and cast[row, col] >= 0:
            owners, z = rays.pierced(u, v, rays.near(u, v, 0.0))
            rel = np.abs(z[owners == wanted] - depth[row, col]) / depth[row, col]
            if len(rel) and rel.min() <= TIE:
                n_tie += 1
                continue
        farthest_px = max(
            farthest_px, _distance_px(rays, u, v, _RADII, lambda i, _, w=wanted: i == w, owner)
        )
    return Pixels(
        n=cast.size,
        n_differ=int(differ.sum()),
        n_edge=int(edge.sum()),
        n_edge_differ=int((edge & differ).sum()),
        n_tie=n_tie,
        farthest_px=farthest_px,
    )


def _distance_px(
    rays: Rays,
    u: float,
    v: float,
    radii: Sequence[NDArray[np.float64]],
    is_right: Callable[[NDArray[np.int32], NDArray[np.float64]], NDArray[np.bool_]],
    owner: int | None = None,
) -> float:
    """Radius of the first ring of samples around a point that shows what is wanted."""
    for some in radii:
        among = rays.near(u, v, some[-1])
        if owner is not None:
            among = among[rays.triangles.owner[among] == owner]
        points = (u, v) + some[:, None, None] * _RING
        ids, z = rays.points(points.reshape(-1, 2), among)
        right = is_right(ids, z).reshape(len(some), -1).any(axis=1)
        if right.any():
            return float(some[np.argmax(right)])
    return float("inf")


def _depth(
    rays: Rays, buffers: Buffers, ids: NDArray[np.int32], depth_m: NDArray[np.float64]
) -> tuple[float, int]:
    """Largest relative error away from inner edges, and the number of pixels at these."""
    same = (buffers.instance_idx == ids) & (ids >= 0)
    error = np.zeros(ids.shape)
    error[same] = np.abs(buffers.depth_m[same] - depth_m[same]) / depth_m[same]
    # Nothing must be 0 exactly.
    error[(buffers.instance_idx == -1) & (buffers.depth_m != 0.0)] = np.inf
    n_edge = 0
    for row, col in _some(error > DEPTH_REL):
        idx, z_shown = ids[row, col], float(buffers.depth_m[row, col])

        def is_right(
            i: NDArray[np.int32], z: NDArray[np.float64], idx: int = idx, at: float = z_shown
        ) -> NDArray[np.bool_]:
            return (i == idx) & (np.abs(z - at) <= DEPTH_REL * z)

        if _distance_px(rays, float(col), float(row), _RADII[:1], is_right) <= NEAR_PX:
            error[row, col] = 0.0
            n_edge += 1
    return float(error.max()), n_edge


def _some(where: NDArray[np.bool_]) -> NDArray[np.int64]:
    """``(N, 2)`` rows and columns, spread evenly where there are too many."""
    found = np.argwhere(where)
    return found[:: -(-len(found) // _MOST)] if len(found) else found


def _amodal(scene: Scene, rays: Rays, silhouettes: Sequence[Silhouette]) -> tuple[Pixels, int]:
    total, n_off = Pixels(), 0
    size = np.array(scene.camera.size_wh)
    canvas_low = -((_CANVAS_SIZES - 1) * size // 2)
    for instance, silhouette in zip(scene.instances, silhouettes, strict=True):
        idx, (h, w) = instance.instance_idx, silhouette.mask.shape
        among = np.flatnonzero(rays.triangles.owner == idx)
        boxes = rays.boxes[among]
        # All that either can have set, at least the pixels about it.
        low, high = np.floor(boxes[:, :2].min(axis=0)) - 1, np.ceil(boxes[:, 2:].max(axis=0)) + 2
        if h * w:
            low = np.minimum(low, (silhouette.x0, silhouette.y0))
            high = np.maximum(high, (silhouette.x0 + w, silhouette.y0 + h))
        low = np.clip(low, canvas_low, canvas_low + _CANVAS_SIZES * size)
        high = np.clip(high, canvas_low, canvas_low + _CANVAS_SIZES * size)
        if (high <= low).any():
            continue
        x0, y0 = int(low[0]), int(low[1])
        cast, depth = rays.image(x0, y0, (int(high[0]) - x0, int(high[1]) - y0), among)
        shown = np.full(cast.shape, -1, np.int32)
        left, top = silhouette.x0 - x0, silhouette.y0 - y0
        if h * w:
            shown[top : top + h, left : left + w][silhouette.mask] = idx
        pixels = _pixels(rays, shown, cast, depth, idx, (x0, y0))
        total += pixels
        off = abs(int(silhouette.mask.sum()) - int((cast >= 0).sum()))
        n_off += off > pixels.n_differ
    return total, n_off


def _boxes(scene: Scene, buffers: Buffers, silhouettes: Sequence[Silhouette]) -> tuple[float, int]:
    filters = LabelFilters(min_visib_fract=0.0, min_px=1)
    worst, n_off = 0.0, 0
    for found in label(scene, buffers, silhouettes, filters=filters):
        expected = projected_box(scene.instances[found.instance_idx], scene.camera)
        worst = max(worst, _box_error(found.bbox_obj, expected))
        rows, cols = np.nonzero(buffers.instance_idx == found.instance_idx)
        extent = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1) if len(rows) else None
        box = found.bbox_visib
        n_off += extent != (None if box is None else (box.x0, box.y0, box.x1, box.y1))
    return worst, n_off


def _box_error(found: Box | None, expected: NDArray[np.float64] | None) -> float:
    if found is None or expected is None:
        return 0.0 if found is None and expected is None else float("inf")
    sides = np.array([found.x0, found.y0, found.x1, found.y1])
    return float(np.abs(sides - expected).max())
