"""Triangles of turned, milled and moulded things: millimetres, Z up, counter-clockwise outside.

A *soup* is ``(K, 3, 5)`` float64: K triangles, three corners, ``x y z u v``. Soups are stacked
and welded by position, so a surface closes wherever its pieces share their edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Finish",
    "Floats",
    "Part",
    "cap",
    "circle",
    "fan",
    "helix_rings",
    "inset",
    "moved",
    "part",
    "ring",
    "shade",
    "skin",
    "turned",
    "wall",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Finish:
    """A look, in the words of glTF; colours are linear light.

    Attributes:
        image: PNG or JPEG bytes that multiply the colour.
        cut_out: The image's alpha below 0.5 is a hole.

    """

    name: str
    color: tuple[float, float, float]
    metallic: float = 0.0
    roughness: float = 0.5
    image: bytes | None = None
    cut_out: bool = False
    double_sided: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """A welded surface of one finish.

    Attributes:
        vertices: ``(V, 3)`` mm, Z up.
        faces: ``(F, 3)``.
        uv: ``(F, 3, 2)`` per corner; ``v = 0`` is the bottom of the image.
        crease_deg: Edges sharper than this stay sharp.

    """

    vertices: Floats
    faces: NDArray[np.int64]
    uv: Floats
    finish: Finish
    crease_deg: float = 25.0


def circle(radius: float, n: int, phase_deg: float = 0.0) -> Floats:
    """``(n, 2)`` points, counter-clockwise."""
    angle = 2 * np.pi * np.arange(n) / n + np.radians(phase_deg)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ring(loop: Floats, z: float | Floats) -> Floats:
    """``(n, 5)`` of a 2D loop at a height, or at one height per point."""
    out = np.zeros((len(loop), 5))
    out[:, :2] = loop
    out[:, 2] = z
    return out


def skin(rings: Sequence[Floats], *, wrap: bool = True, closed: bool = False) -> Floats:
    """Quads between rings of equal length; outside is where rings that rise turn left.

    Args:
        rings: ``(n, 5)`` each.
        wrap: Join the last point of each ring to its first.
        closed: Join the last ring to the first.

    """
    grid = np.stack([*rings, rings[0]] if closed else list(rings))
    if wrap:
        grid = np.concatenate([grid, grid[:, :1]], axis=1)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    quads = [np.stack([a, b, c], axis=-2), np.stack([a, c, d], axis=-2)]
    return np.concatenate([q.reshape(-1, 3, 5) for q in quads])


def fan(loop: Floats, *, up: bool) -> Floats:
    """Closes a ring ``(n, 5)`` to its middle."""
    middle = np.broadcast_to(loop.mean(axis=0), loop.shape)
    after = np.roll(loop, -1, axis=0)
    corners = [middle, loop, after] if up else [middle, after, loop]
    return np.stack(corners, axis=1)


def wall(loop: Floats, z_low: float, z_high: float, *, outward: bool = True) -> Floats:
    """The upright surface over a counter-clockwise loop; inward for holes."""
    rings = [ring(loop, z_low), ring(loop, z_high)]
    return skin(rings if outward else rings[::-1])


def turned(profile: Sequence[tuple[float, float]], n: int = 72, *, closed: bool = False) -> Floats:
    """A surface of revolution about Z.

    `profile` lists ``(radius, z)``, going up on the outside; an end at radius 0 closes it. u runs
    round the axis, v along the profile by arc length.
    """
    points = np.asarray(profile, dtype=np.float64)
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    u = np.linspace(0, 1, n + 1)
    angle = 2 * np.pi * (np.arange(n + 1) % n) / n
    rings = []
    for (radius, z), v in zip(points, run / run[-1]):
        columns = [radius * np.cos(angle), radius * np.sin(angle), np.full(n + 1, z), u]
        rings.append(np.stack([*columns, np.full(n + 1, v)], axis=1))
    return skin(rings, wrap=False, closed=closed)


def helix_rings(
    profile: Sequence[tuple[float, float]], *, pitch: float, z_low: float, z_high: float, n: int
) -> list[Floats]:
    """Rings that follow a thread: ``(n + 1, 5)``, to be skinned without wrap.

    Args:
        profile: ``(share of the pitch, radius)`` over one turn, shares rising in [0, 1).
        pitch: Millimetres a turn.
        z_low: The thread runs out here: all its rings meet in one flat ring.
        z_high: And here.
        n: Points a turn.

    """
    share = np.arange(n + 1) / n
    angle = 2 * np.pi * (np.arange(n + 1) % n) / n
    turns = int(np.ceil((z_high - z_low) / pitch)) + 1
    rings = []
    for turn in range(-1, turns):
        for at, radius in profile:
            z = np.clip(z_low + pitch * (turn + at + share), z_low, z_high)
            columns = [radius * np.cos(angle), radius * np.sin(angle), z]
            rings.append(np.stack([*columns, share, np.zeros(n + 1)], axis=1))
    return rings


def inset(loop: Floats, by: float) -> Floats:
    """A counter-clockwise loop moved inwards by `by` along its mitres (outwards if negative)."""
    before = loop - np.roll(loop, 1, axis=0)
    after = np.roll(loop, -1, axis=0) - loop
    normals = []
    for edge in (before, after):
        edge = edge / np.linalg.norm(edge, axis=1, keepdims=True)
        normals.append(np.stack([-edge[:, 1], edge[:, 0]], axis=1))
    middle = normals[0] + normals[1]
    return loop + by * 2 * middle / np.maximum((middle**2).sum(axis=1, keepdims=True), 0.5)


def cap(outer: Floats, holes: Sequence[Floats], z: float, *, up: bool) -> Floats:
    """A flat face: counter-clockwise loops, the outer one and those cut from it."""
    triangles = _clip_ears(outer, holes)
    out = np.zeros((len(triangles), 3, 5))
    out[..., :2] = triangles if up else triangles[:, ::-1]
    out[..., 2] = z
    return out


def _clip_ears(outer: Floats, holes: Sequence[Floats]) -> Floats:
    """``(K, 3, 2)``; holes are joined to the outline by bridges, the rightmost hole first."""
    loop = outer
    for hole in sorted(holes, key=lambda h: -np.round(h[:, 0].max(), 6)):
        loop = _bridged(loop, hole[::-1], [loop, *holes])
    points, left, triangles = loop, list(range(len(loop))), []
    while len(left) > 3:
        triangle = _next_ear(points, left)
        triangles.append(points[triangle])
        left.remove(triangle[1])
    triangles.append(points[left])
    return np.stack(triangles)


def _bridged(loop: Floats, hole: Floats, loops: Sequence[Floats]) -> Floats:
    """One loop of two: through the shortest bridge that crosses no edge of `loops`."""
    start = int(np.round(hole[:, 0], 6).argmax())
    order = np.argsort(np.round(((loop - hole[start]) ** 2).sum(axis=1), 6), kind="stable")
    edges = [(a, np.roll(a, -1, axis=0)) for a in loops]
    for end in order:
        bridge = (hole[start], loop[end])
        if not any(_crossed(bridge, edge) for edge in edges):
            hole = np.roll(hole, -start, axis=0)
            return np.concatenate([loop[: end + 1], hole, hole[:1], loop[end:]])
    raise ValueError("hole must lie inside its outline")


def _crossed(segment: tuple[Floats, Floats], edges: tuple[Floats, Floats]) -> bool:
    (p, q), (a, b) = segment, edges
    return bool(
        (
            (_side(p, q, a) * _side(p, q, b) < -1e-12) & (_side(a, b, p) * _side(a, b, q) < -1e-12)
        ).any()
    )


def _side(a: Floats, b: Floats, p: Floats) -> Floats:
    """Twice the signed area of a, b, p; elementwise."""
    u, v = b - a, p - a
    return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])


def _next_ear(points: Floats, left: list[int]) -> list[int]:
    """The fattest corner, by its smallest angle, that can be cut off."""
    index = np.array(left)
    corners = points[np.stack([np.roll(index, 1), index, np.roll(index, -1)], axis=1)]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = _side(a, b, c)
    longest = np.max([((p - q) ** 2).sum(axis=1) for p, q in ((a, b), (b, c), (c, a))], axis=0)
    fatness = np.round(area / np.maximum(longest, 1e-12), 6)
    for i in np.argsort(-fatness, kind="stable"):
        if area[i] <= 1e-9:
            break
        p, q, r, rest = a[i], b[i], c[i], points[index]
        inside = (_side(p, q, rest) >= -1e-9) & (_side(q, r, rest) >= -1e-9)
        inside &= _side(r, p, rest) >= -1e-9
        for corner in (p, q, r):
            inside &= ~np.all(np.abs(rest - corner) < 1e-9, axis=1)
        if not inside.any():
            return [int(index[i - 1]), int(index[i]), int(index[(i + 1) % len(index)])]
    i = int(np.abs(area).argmin())  # flat corners, where bridges run along edges
    return [int(index[i - 1]), int(index[i]), int(index[(i + 1) % len(index)])]


def moved(
    soup: Floats, *, by: Sequence[float] = (0, 0, 0), axes: str = "xyz", turn_deg: float = 0.0
) -> Floats:
    """A soup turned about Z, its axes cycled ("yzx": the new x is the old y), then moved."""
    out = soup.copy()
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    out[..., :2] = soup[..., :2] @ np.array([[c, s], [-s, c]])
    out[..., :3] = out[..., ["xyz".index(a) for a in axes]]
    out[..., :3] += by
    return out


def part(finish: Finish, *soups: Floats, crease_deg: float = 25.0) -> Part:
    """Welds soups to one surface; triangles that have shrunk to an edge are dropped."""
    soup = np.concatenate(soups)
    keys = np.round(soup[..., :3].reshape(-1, 3) * 1e5).astype(np.int64)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    # Rounded, so that the last bit of one machine's cosine does not reach a file.
    vertices = np.round(soup[..., :3].reshape(-1, 3)[first], 6) + 0.0
    faces = inverse.reshape(-1, 3)
    solid = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    uv = soup[solid][..., 3:]
    return Part(vertices=vertices, faces=faces[solid], uv=uv, finish=finish, crease_deg=crease_deg)


def shade(of: Part) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Positions, normals, UVs per corner kind, and faces: split where normals or UVs differ."""
    corner = of.vertices[of.faces]
    edge = np.roll(corner, -1, axis=1) - corner
    back = -np.roll(edge, 1, axis=1)
    normal = np.cross(edge[:, 0], -edge[:, 2])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    lengths = np.linalg.norm(edge, axis=2) * np.linalg.norm(back, axis=2)
    angle = np.arccos(np.clip((edge * back).sum(axis=2) / np.maximum(lengths, 1e-30), -1, 1))
    smooth = np.round(_blend(of, np.repeat(normal, 3, axis=0), angle.reshape(-1)), 5) + 0.0
    keys = np.concatenate(
        [of.faces.reshape(-1, 1), np.round(smooth * 1e4), np.round(of.uv.reshape(-1, 2) * 1e6)],
        axis=1,
    )
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    positions = of.vertices[of.faces.reshape(-1)[first]]
    return positions, smooth[first], of.uv.reshape(-1, 2)[first], inverse.reshape(-1, 3)


def _blend(of: Part, normals: Floats, weights: Floats) -> Floats:
    """Mean normal of each corner over the corners of its vertex that lie within the crease."""
    at = of.faces.reshape(-1)
    order = np.argsort(at, kind="stable")
    counts = np.bincount(at, minlength=len(of.vertices))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    per_corner = counts[at[order]]
    left = np.repeat(order, per_corner)
    offset = np.arange(len(left)) - np.repeat(np.cumsum(per_corner) - per_corner, per_corner)
    right = order[np.repeat(starts[at[order]], per_corner) + offset]
    near = (normals[left] * normals[right]).sum(axis=1) > np.cos(np.radians(of.crease_deg))
    share = normals[right] * (weights[right] * near)[:, None]
    mean = np.stack(
        [np.bincount(left, weights=share[:, i], minlength=len(at)) for i in range(3)], axis=1
    )
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.where(length > 1e-9, mean / np.maximum(length, 1e-9), normals)
