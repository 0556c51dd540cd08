"""Things dropped together onto a plane, into a box or into fixtures, until they lie still.

Rigid bodies by MuJoCo, made of convex pieces. The same bodies and generator give the same pile on
one machine; what comes out is recorded in the placement, so that no replay drops anything.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.frames import rigid

__all__ = ["OpenBox", "RigidBody", "StaticBody", "drop"]

Points = NDArray[np.float64]

# The engine's constants are for things of this size, metres: lengths are brought to it.
_SIZE_M = 0.1
_STEP_S = 0.006
_SOFTNESS_S = 2 * _STEP_S  # of contacts: two steps is the least
_FALL_S = 0.3  # after the highest has come down
_CALM_S = 0.1  # in so long no thing may move by more, in metres and radians; contacts tremble
_STILL_M, _STILL_RAD = 2e-3, 0.06
_LONGEST_S = 2.5  # after all came down
_FRICTION = "0.7 0.004 0.002"  # sliding, spinning, rolling
_MARGIN_M = 4e-4  # each thing keeps so far from others, which hides how soft contacts are
_AIR, _AIR_TURNS = 1.0, 10.0  # what free fall and turning lose a second
# On a plane, things fall into a tube so many sizes of the largest wide, times the cube root of
# their number; then it is taken away, and the pile slumps until it holds by itself.
_TUBE, _WALLS = 0.42, 12
_PLACES = 8  # of so many at random, a thing is let go at the lowest
_FAR = 40.0


@dataclass(frozen=True, eq=False, kw_only=True)
class RigidBody:
    """A rigid body to drop.

    Attributes:
        pieces_m: ``(N, 3)`` corners of each convex piece, about the centre of its box, in its
            own axes. Bodies that share these share what is made of them.
        scale: Multiplies its size.
        R_world_obj: ``(3, 3)`` its orientation before it falls.

    """

    pieces_m: tuple[Points, ...]
    scale: float = 1.0
    R_world_obj: NDArray[np.float64]

    @property
    def radius_m(self) -> float:
        """Radius of the ball about the centre of its box that holds it."""
        return self.scale * max(
            float(np.linalg.norm(piece, axis=1).max()) for piece in self.pieces_m
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class StaticBody:
    """A body that does not move: ``(N, 3)`` corners of each convex piece, world, metres."""

    pieces_m: tuple[Points, ...]


@dataclass(frozen=True, kw_only=True)
class OpenBox:
    """Four upright walls about the middle, level with the axes, on the plane.

    Attributes:
        half_m: Half of the room between them along x and y.
        height_m: Of the walls, once nothing falls any more.
        wall_m: How thick they are.

    """

    half_m: tuple[float, float]
    height_m: float
    wall_m: float


def drop(
    things: Sequence[RigidBody],
    rng: np.random.Generator,
    *,
    middle_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    spread_m: tuple[float, float] | None = None,
    statics: Sequence[StaticBody] = (),
    box: OpenBox | None = None,
) -> list[NDArray[np.float64]]:
    """Where things come to lie: ``(4, 4)`` ``T_world_obj`` of the centre of each thing's box.

    Args:
        things: In the order from the lowest to the highest before they fall.
        rng: The random stream of this pile alone.
        middle_m: Where they are aimed at; z is the plane.
        spread_m: Half sides of the rectangle about it that they fall into; None: a disc that
            makes a pile.
        statics: Fixtures.
        box: What they fall into, all of them; in place of `spread_m`.

    Raises:
        RejectedTheta: They do not come to rest, or something rolls far away.

    """
    unit = _SIZE_M / (2 * max(thing.radius_m for thing in things))
    tube = 0.0
    if box is not None:
        walls = _box_walls(box, unit)
        half = box.half_m
    elif spread_m is None:
        tube = _TUBE * _SIZE_M * len(things) ** (1 / 3)
        walls, half = _tube_walls(tube), (0.0, 0.0)
    else:
        walls, half = "", spread_m
    simulation = _Simulation.of(things, statics, np.array(middle_m), unit, walls)
    radii = unit * np.array([thing.radius_m for thing in things])
    u = rng.random((len(things), _PLACES, 2))
    if tube:
        room = np.maximum(tube - radii, 0.0)[:, None] * np.sqrt(u[..., 0])
        angle = 2 * np.pi * u[..., 1]
        at = np.stack([room * np.cos(angle), room * np.sin(angle)], axis=2)
    else:
        inner = unit * np.array(half) - (radii[:, None] if box is not None else 0.0)
        at = (2 * u - 1) * np.maximum(inner, 0.0).reshape(-1, 1, 2)
    simulation.fall(_above_each_other(radii, at), radii)
    if walls:
        simulation.remove_guides()
    simulation.settle()
    return simulation.poses()


def _above_each_other(radii: NDArray[np.float64], at: Points) -> Points:
    """``(n, 3)`` places of balls, none in another, each as low as it can be at one of its places.

    Args:
        radii: ``(n,)`` of the balls.
        at: ``(n, p, 2)`` places of each.

    """
    found = np.zeros((len(radii), 3))
    for i, r in enumerate(radii):
        away2 = ((at[i][:, None] - found[None, :i, :2]) ** 2).sum(axis=2)
        over = np.sqrt(np.maximum((r + radii[:i]) ** 2 - away2, 0.0))
        lowest = np.where(over > 0, found[None, :i, 2] + over, r).max(axis=1, initial=r)
        best = int(lowest.argmin())
        found[i] = *at[i, best], max(float(lowest[best]), r)
    return found


@dataclass(frozen=True, eq=False)
class _Simulation:
    """MuJoCo's model and state, lengths times `unit`, the plane's middle at the origin."""

    mj: Any
    model: Any
    data: Any
    middle_m: Points
    unit: float
    top: float  # of the statics

    @classmethod
    def of(
        cls,
        things: Sequence[RigidBody],
        statics: Sequence[StaticBody],
        middle_m: Points,
        unit: float,
        walls: str,
    ) -> _Simulation:
        from scipy.spatial.transform import Rotation  # takes a moment to import

        mj = _mujoco()
        fixed = [(p - middle_m) * unit for static in statics for p in static.pieces_m]
        model = mj.MjModel.from_xml_string(_xml(things, fixed, unit, walls))
        data = mj.MjData(model)
        bodies = slice(model.nbody - len(things), None)
        air = np.concatenate(
            [
                _AIR * np.repeat(model.body_mass[bodies, None], 3, axis=1),
                _AIR_TURNS * model.body_inertia[bodies],
            ],
            axis=1,
        )
        model.dof_damping[:] = air.ravel()
        turns = Rotation.from_matrix([t.R_world_obj for t in things]).as_quat()
        data.qpos.reshape(-1, 7)[:, 3:] = np.roll(turns, 1, axis=1)
        top = max((float(p[:, 2].max()) for p in fixed), default=0.0)
        return cls(mj, model, data, middle_m, unit, top)

    def fall(self, at: Points, radii: NDArray[np.float64]) -> None:
        """Lets all things go at once, from ``(n, 3)`` places above all that stands there."""
        self.data.qpos.reshape(-1, 7)[:, :3] = at + np.array([0.0, 0.0, self.top])
        height = float((at[:, 2] + radii).max()) + self.top
        self.run(_FALL_S + math.sqrt(2 * height / 9.81))

    def run(self, seconds: float) -> None:
        """Lets time pass."""
        self.mj.mj_step(self.model, self.data, nstep=max(round(seconds / _STEP_S), 1))

    def remove_guides(self) -> None:
        """Takes away what only led the fall, so that the pile is free to slump."""
        for i in range(self.model.ngeom):
            if self.model.geom(i).name.startswith(_GUIDE):
                self.model.geom_contype[i] = self.model.geom_conaffinity[i] = 0

    def settle(self) -> None:
        """Lets time pass until nothing moves."""
        for _ in range(round(_LONGEST_S / _CALM_S)):
            before = self.data.qpos.reshape(-1, 7).copy()
            self.run(_CALM_S)
            after = self.data.qpos.reshape(-1, 7)
            if not np.isfinite(after).all() or np.abs(after[:, :3]).max() > _FAR * _SIZE_M:
                raise RejectedTheta("something rolls away from the pile", "objects.count")
            moved = np.linalg.norm(after[:, :3] - before[:, :3], axis=1)
            turned = 2 * np.arccos(np.minimum(np.abs((after[:, 3:] * before[:, 3:]).sum(1)), 1.0))
            if moved.max() < _STILL_M and turned.max() < _STILL_RAD:
                return
        raise RejectedTheta("the pile does not come to rest", "objects.count")

    def poses(self) -> list[NDArray[np.float64]]:
        """``(4, 4)`` ``T_world_obj`` of the centre of each thing's box, metres."""
        from scipy.spatial.transform import Rotation

        found = []
        for x, y, z, w, i, j, k in self.data.qpos.reshape(-1, 7):
            R = Rotation.from_quat([i, j, k, w]).as_matrix()
            found.append(rigid(R, np.array([x, y, z]) / self.unit + self.middle_m))
        return found


def _mujoco() -> Any:
    # It must not look for a display: nothing is drawn by it.
    os.environ.setdefault("MUJOCO_GL", "off")
    return importlib.import_module("mujoco")


def _xml(things: Sequence[RigidBody], fixed: Sequence[Points], unit: float, walls: str) -> str:
    """MuJoCo's description of the world; one mesh geometry a convex piece."""
    meshes: dict[tuple[int, int, float], str] = {}
    texts: list[str] = []

    def geom(key: tuple[int, int, float], points: Points, mass: float | None) -> str:
        if key not in meshes:
            meshes[key] = f"m{len(meshes)}"
            numbers = " ".join([f"{v:.9g}" for v in (key[2] * points).ravel().tolist()])
            texts.append(f'<mesh name="{meshes[key]}" vertex="{numbers}"/>')
        weight = "" if mass is None else f' mass="{mass:.9g}"'
        return f'<geom type="mesh" mesh="{meshes[key]}"{weight}/>'

    bodies = []
    for i, thing in enumerate(things):
        larger = unit * thing.scale
        # As heavy as their boxes are large: what matters is that none is far lighter.
        sizes = np.array(
            [float(np.prod(larger * np.ptp(p, axis=0) + 1e-4)) for p in thing.pieces_m]
        )
        masses = np.maximum(sizes / sizes.sum(), 1e-3) * 0.2
        geoms = "".join(
            geom((id(thing.pieces_m), k, larger), p, float(m))
            for k, (p, m) in enumerate(zip(thing.pieces_m, masses))
        )
        bodies.append(f'<body name="b{i}"><freejoint/>{geoms}</body>')
    statics = "".join(geom((0, k, 1.0), p, None) for k, p in enumerate(fixed))
    return (
        f'<mujoco><option timestep="{_STEP_S}" cone="elliptic" impratio="5" iterations="60"/>'
        '<compiler inertiafromgeom="true" balanceinertia="true"/>'
        f'<size memory="{64 + 4 * len(things)}M"/>'
        f'<default><geom solref="{_SOFTNESS_S} 1" solimp="0.95 0.99 0.001" condim="6" '
        f'margin="{_MARGIN_M}" friction="{_FRICTION}"/></default>'
        f"<asset>{''.join(texts)}</asset>"
        f'<worldbody><geom type="plane" size="0 0 1" margin="0"/>{statics}{walls}'
        f"{''.join(bodies)}</worldbody>"
        "</mujoco>"
    )


_GUIDE = "guide"  # what the names begin with of walls that are taken away after the fall
_THICK, _HIGH = 2 * _SIZE_M, 40 * _SIZE_M


def _tube_walls(radius: float) -> str:
    """A tube of boxes about the middle."""
    half = (radius + _THICK) * math.tan(math.pi / _WALLS)
    walls = []
    for k in range(_WALLS):
        angle = 2 * math.pi * k / _WALLS
        x, y = ((radius + _THICK / 2) * f(angle) for f in (math.cos, math.sin))
        walls.append(_guide((x, y), (_THICK / 2, half), math.degrees(angle)))
    return "".join(walls)


def _box_walls(box: OpenBox, unit: float) -> str:
    """The walls of a box, and above them others that lead the fall."""
    walls = []
    for axis in (0, 1):
        for sign in (-1.0, 1.0):
            for thick, is_guide in ((unit * box.wall_m, False), (_THICK, True)):
                at, half = [0.0, 0.0], [_FAR * _SIZE_M] * 2
                at[axis] = sign * (unit * box.half_m[axis] + thick / 2)
                half[axis] = thick / 2
                if is_guide:
                    walls.append(_guide((at[0], at[1]), (half[0], half[1]), 0.0))
                else:
                    half[1 - axis] = unit * (box.half_m[1 - axis] + box.wall_m)
                    high = unit * box.height_m / 2
                    walls.append(
                        f'<geom type="box" size="{half[0]:.9g} {half[1]:.9g} {high:.9g}" '
                        f'pos="{at[0]:.9g} {at[1]:.9g} {high:.9g}"/>'
                    )
    return "".join(walls)


def _guide(at: tuple[float, float], half: tuple[float, float], angle_deg: float) -> str:
    """A high upright box without friction, so that nothing hangs on to it."""
    x, y = at
    return (
        f'<geom name="{_GUIDE}_{x:.6g}_{y:.6g}" type="box" '
        f'size="{half[0]:.9g} {half[1]:.9g} {_HIGH}" pos="{x:.9g} {y:.9g} {_HIGH}" '
        f'euler="0 0 {angle_deg:.9g}" friction="0.01 0 0" priority="1"/>'
    )
