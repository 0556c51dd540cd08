"""Pictures through a lens that distorts: what each pixel sees, and colour by way of a pinhole."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from render.geometry.distortion import bend, distort, fold_radius, jacobian, onto_disc, undistort
from render.scene import Camera, Environment, Scene

__all__ = ["SeenRays", "Tile", "pinhole_scene", "pixel_rays", "seen_rays", "through_lens"]

Picture = NDArray[np.float32]
Tile = tuple[int, int]  # whole image sizes to the right of the image, and below it

# Rays are exact at every eighth pixel; a polynomial through six of them is, in between, as
# exact as float32 and more. Where that cannot be relied on, each is worked out by itself.
_GRID_PX, _NODES = 8, 6
_INTERPOLATED = 1e-9
# The pinhole's picture has so many pixels for one of the image where the lens shrinks least,
_OVERSAMPLING = 1.25
# but no more than so many image sizes a side.
_MOST_SIZES = 3.0
_MARGIN_PX = 2


def pixel_rays(camera: Camera, tile: Tile = (0, 0)) -> NDArray[np.float64]:
    """``(H, W, 2)``: normalised x and y that each pixel's centre sees; NaN: nothing.

    Args:
        camera: Its lens may distort.
        tile: Which part of the plane of pixels; (0, 0) is the image.

    """
    w, h = camera.size_wh
    u, v = tile[0] * w + np.arange(w), tile[1] * h + np.arange(h)
    grid_u = np.append(u[:-1:_GRID_PX], u[-1])
    grid_v = np.append(v[:-1:_GRID_PX], v[-1])
    grid = undistort(_normalised(grid_u, grid_v, camera), camera.distortion)
    shown = _normalised(u, v, camera)
    is_seen = np.isfinite(grid[..., 0])
    if not is_seen.all():
        return _partly_seen(shown, is_seen, camera.distortion)
    across, down = _between(u, grid_u), _between(v, grid_v)
    rays = np.empty(shown.shape)
    for i in range(2):
        rays[..., i] = down @ np.ascontiguousarray(grid[..., i]) @ across.T
    some = (slice(_GRID_PX // 2, None, _GRID_PX),) * 2
    miss = distort(rays[some], camera.distortion) - shown[some]
    if np.abs(miss).max(initial=0.0) > _INTERPOLATED:
        return undistort(shown, camera.distortion, guess=rays)
    return rays


@dataclass(frozen=True, eq=False, kw_only=True)
class SeenRays:
    """What the pixels of a tile see, in normalised x and y.

    Attributes:
        rays: ``(H, W, 2)`` float64; NaN: nothing.
        bounds: Least x and y, then greatest.
        reach: Largest distance from the axis.
        bend: Largest second derivative of the distortion within `reach`.
        stretch: Bound of its first derivative there.

    """

    rays: NDArray[np.float64]
    bounds: tuple[float, float, float, float]
    reach: float
    bend: float
    stretch: float


def seen_rays(camera: Camera, tile: Tile) -> SeenRays | None:
    """The rays of one tile; None if the lens shows nothing there."""
    rays = pixel_rays(camera, tile)
    is_seen = np.isfinite(rays[..., 0])
    if not is_seen.any():
        return None
    x, y = rays[..., 0][is_seen], rays[..., 1][is_seen]
    reach = float(np.hypot(x, y).max())
    return SeenRays(
        rays=rays,
        bounds=(float(x.min()), float(y.min()), float(x.max()), float(y.max())),
        reach=reach,
        bend=float(bend(np.array([reach]), camera.distortion)[0]),
        stretch=1.05 * _most_stretch(_disc(reach), camera.distortion),
    )


def _most_stretch(points: NDArray[np.float64], distortion: tuple[float, ...]) -> float:
    a, b, c = np.moveaxis(jacobian(points, distortion), -1, 0)
    return float(((a + c) / 2 + np.hypot((a - c) / 2, b)).max())


def _disc(radius: float) -> NDArray[np.float64]:
    r, angle = np.linspace(0.0, radius, 65)[:, None], np.linspace(0.0, 2 * np.pi, 65)
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=-1)


def _partly_seen(
    shown: NDArray[np.float64], is_seen: NDArray[np.bool_], distortion: tuple[float, ...]
) -> NDArray[np.float64]:
    """Rays of a tile at the rim of what the lens shows, worked out near nodes that it shows."""
    near = cv2.dilate(is_seen.astype(np.uint8), np.ones((3, 3), np.uint8))
    rows, columns = (
        np.minimum((np.arange(n) + _GRID_PX // 2) // _GRID_PX, m - 1)
        for n, m in zip(shown.shape[:2], is_seen.shape, strict=True)
    )
    where = near[np.ix_(rows, columns)] > 0
    rays = np.full(shown.shape, np.nan)
    rays[where] = undistort(shown[where], distortion)
    return rays


def pinhole_scene(scene: Scene) -> Scene:
    """The scene of a camera without distortion that sees all that `scene`'s camera sees.

    It has enough pixels that `through_lens` magnifies nothing. A picture as a backdrop is bent
    so that the lens straightens it again.
    """
    camera = scene.camera
    (w, h), K = camera.size_wh, camera.K
    rim = undistort(_rim(camera), camera.distortion)
    low, high = rim.min(axis=0), rim.max(axis=0)
    most = _most_stretch(_inner_rays(camera), camera.distortion)
    focal = np.array([K[0, 0], K[1, 1]]) * most * _OVERSAMPLING
    focal *= min(1.0, float((_MOST_SIZES * np.array([w, h]) / (focal * (high - low))).min()))
    size = np.ceil(focal * (high - low)).astype(int) + 2 * _MARGIN_PX
    center = -focal * low - 0.5 + _MARGIN_PX
    K_pinhole = np.array([[focal[0], 0.0, center[0]], [0.0, focal[1], center[1]], [0.0, 0.0, 1.0]])
    pinhole = replace(camera, K=K_pinhole, size_wh=(int(size[0]), int(size[1])), distortion=())
    backdrop = scene.backdrop
    if not isinstance(backdrop, Environment):
        backdrop = _bent(backdrop, pinhole, camera)
    return replace(scene, camera=pinhole, backdrop=backdrop)


def through_lens(
    radiance: Picture, pinhole: Scene, scene: Scene, rays: NDArray[np.float64]
) -> Picture:
    """``(H, W, 3)`` radiance of `scene` from that of `pinhole_scene(scene)`.

    Args:
        radiance: ``(H, W, 3)`` float32, what `pinhole` looks like.
        pinhole: From `pinhole_scene`.
        scene: Its camera has the lens.
        rays: From `pixel_rays` of that camera.

    """
    K = pinhole.camera.K
    at = np.asarray(rays * (K[0, 0], K[1, 1]) + K[:2, 2], dtype=np.float32)
    seen = _sampled(radiance, at)
    if isinstance(scene.backdrop, Environment) or isinstance(pinhole.backdrop, Environment):
        return seen
    # Where there is nothing else, the picture itself and not one that was bent twice.
    is_bare = (seen == _sampled(pinhole.backdrop, at)).all(axis=2, keepdims=True)
    return np.where(is_bare, scene.backdrop, seen)


def _sampled(picture: Picture, at: Picture) -> Picture:
    rows, columns = at[..., 1], at[..., 0]
    sampled = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, dtype=np.float32)


def _bent(picture: Picture, pinhole: Camera, camera: Camera) -> Picture:
    w, h = pinhole.size_wh
    xy = _normalised(np.arange(w), np.arange(h), pinhole)
    shown = distort(onto_disc(xy, fold_radius(camera.distortion)), camera.distortion)
    at = shown * (camera.K[0, 0], camera.K[1, 1]) + camera.K[:2, 2]
    return _sampled(picture, np.asarray(at, dtype=np.float32))


def _normalised(
    u: NDArray[np.generic], v: NDArray[np.generic], camera: Camera
) -> NDArray[np.float64]:
    """``(V, U, 2)`` of the pixels of columns `u` and rows `v`."""
    K = camera.K
    x, y = (u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1).astype(np.float64)


def _rim(camera: Camera) -> NDArray[np.float64]:
    """Normalised points around the image, half a pixel outside of the outer centres."""
    w, h = camera.size_wh
    u, v = np.linspace(-0.5, w - 0.5, 129), np.linspace(-0.5, h - 0.5, 129)
    rows = _normalised(u, np.array([-0.5, h - 0.5]), camera)
    columns = _normalised(np.array([-0.5, w - 0.5]), v, camera)
    return np.concatenate([rows.reshape(-1, 2), columns.reshape(-1, 2)])


def _inner_rays(camera: Camera) -> NDArray[np.float64]:
    w, h = camera.size_wh
    shown = _normalised(np.linspace(0, w - 1, 33), np.linspace(0, h - 1, 33), camera)
    return undistort(shown, camera.distortion)


def _between(at: NDArray[np.int64], grid: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(N, G)`` weights, at `at`, of the polynomials through the nearest nodes of `grid`."""
    n = min(_NODES, len(grid))
    cell = np.searchsorted(grid, at, side="right") - 1
    first = np.clip(cell - (n // 2 - 1), 0, len(grid) - n)
    nodes = grid[first[:, None] + np.arange(n)].astype(np.float64)  # (N, n)
    weights, rows = np.zeros((len(at), len(grid))), np.arange(len(at))
    for i in range(n):
        others = np.delete(nodes, i, axis=1)
        away = (at[:, None] - others) / (nodes[:, i : i + 1] - others)
        weights[rows, first + i] = away.prod(axis=1)
    return weights
