"""Things dropped one after the other onto a plane, or into a fixture, until they lie still.

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

__all__ = ["RigidBody", "StaticBody", "drop"]

Points = NDArray[np.float64]

# The engine's constants are for things of this size, metres: lengths are brought to it.
_SIZE_M = 0.1
_STEP_S = 0.002
_SOFTNESS_S = 0.004  # of contacts: two steps is the least
_INTERVAL_S = 0.16  # from one thing to the next
_CALM_S = 0.25  # in so long no thing may move by more, in metres and radians; contacts tremble
_STILL_M, _STILL_RAD = 5e-4, 0.02
_LONGEST_S = 6.0  # after the last was dropped
_FRICTION = "0.7 0.004 0.002"  # sliding, spinning, rolling
_MARGIN_M = 4e-4  # each thing keeps so far from others, which hides how soft contacts are
_AIR = 0.6  # what free fall and rolling lose a second
# On a plane, things fall into a tube so many sizes of the largest wide, times the cube root of
# their number; then it is taken away, and the pile slumps until it holds by itself.
_TUBE, _WALLS = 0.55, 12
_FAR = 40.0
_PARKED = 1000.0


@dataclass(frozen=True, eq=False, kw_only=True)
class RigidBody:
    """A rigid body to drop.

    Attributes:
        pieces_m: ``(N, 3)`` corners of each convex piece, about the centre of its box, in its
            own axes, at its size in the scene.
        R_world_obj: ``(3, 3)`` its orientation before it falls.

    """

    pieces_m: tuple[Points, ...]
    R_world_obj: NDArray[np.float64]

    @property
    def radius_m(self) -> float:
        """Radius of the ball about the centre of its box that holds it."""
        return max(float(np.linalg.norm(piece, axis=1).max()) for piece in self.pieces_m)


@dataclass(frozen=True, eq=False, kw_only=True)
class StaticBody:
    """A body that does not move: ``(N, 3)`` corners of each convex piece, world, metres."""

    pieces_m: tuple[Points, ...]


def drop(
    things: Sequence[RigidBody],
    rng: np.random.Generator,
    *,
    middle_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    spread_m: tuple[float, float] | None = None,
    statics: Sequence[StaticBody] = (),
) -> list[NDArray[np.float64]]:
    """Where things come to lie: ``(4, 4)`` ``T_world_obj`` of the centre of each thing's box.

    Args:
        things: In the order in which they fall.
        rng: The random stream of this pile alone; one draw for each thing.
        middle_m: Where they are aimed at; z is the plane.
        spread_m: Half sides of the rectangle about it that they fall into; None: a disc that
            makes a pile.
        statics: Fixtures.

    Raises:
        RejectedTheta: They do not come to rest, or something rolls far away.

    """
    unit = _SIZE_M / (2 * max(thing.radius_m for thing in things))
    tube = _TUBE * _SIZE_M * len(things) ** (1 / 3) if spread_m is None else 0.0
    simulation = _Simulation.of(things, statics, np.array(middle_m), unit, tube)
    u = rng.random((len(things), 2))
    if spread_m is None:
        room = [max(tube - unit * thing.radius_m, 0.0) for thing in things]
        radius = np.array(room) * np.sqrt(u[:, 0])
        at = np.stack([radius * np.cos(2 * np.pi * u[:, 1]), radius * np.sin(2 * np.pi * u[:, 1])])
    else:
        at = ((2 * u - 1) * np.array(spread_m) * unit).T
    for i, at_xy in enumerate(at.T):
        simulation.release(i, at_xy)
        simulation.run(_INTERVAL_S)
    simulation.settle()
    if spread_m is None:
        simulation.remove_tube()
        simulation.settle()
    return simulation.poses()


@dataclass(frozen=True, eq=False)
class _Simulation:
    """MuJoCo's model and state, lengths times `unit`, the plane's middle at the origin."""

    mj: Any
    model: Any
    data: Any
    things: Sequence[RigidBody]
    turns: Points  # (N, 4) of the things before they fall: w, x, y, z
    released: list[bool]
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
        tube: float,
    ) -> _Simulation:
        from scipy.spatial.transform import Rotation  # takes a moment to import

        mj = _mujoco()
        fixed = [(p - middle_m) * unit for static in statics for p in static.pieces_m]
        model = mj.MjModel.from_xml_string(_xml(things, fixed, unit, tube))
        data = mj.MjData(model)
        top = max((float(p[:, 2].max()) for p in fixed), default=0.0)
        turns = Rotation.from_matrix([t.R_world_obj for t in things]).as_quat()
        turns = np.roll(turns, 1, axis=1)
        made = cls(mj, model, data, things, turns, [False] * len(things), middle_m, unit, top)
        for i in range(len(things)):
            made.park(i)
        return made

    def park(self, i: int) -> None:
        """Keeps a thing that has not been released far away, where it meets nothing."""
        self._put(i, np.array([0.0, 0.0, _PARKED + i]))

    def release(self, i: int, at: Points) -> None:
        """Puts a thing above all that lies there."""
        lying = [j for j, done in enumerate(self.released) if done]
        tops = [self.data.qpos[7 * j + 2] + self.things[j].radius_m * self.unit for j in lying]
        height = max([*tops, self.top, 0.0]) + 1.1 * self.things[i].radius_m * self.unit
        self._put(i, np.array([*at, height]))
        self.released[i] = True

    def run(self, seconds: float) -> None:
        """Lets time pass."""
        waiting = [j for j, done in enumerate(self.released) if not done]
        for _ in range(round(seconds / _STEP_S)):
            for j in waiting:
                self.park(j)
            self.mj.mj_step(self.model, self.data)

    def remove_tube(self) -> None:
        """Takes the tube away, so that the pile is free to slump."""
        for k in range(_WALLS):
            wall = self.model.geom(f"wall{k}").id
            self.model.geom_contype[wall] = self.model.geom_conaffinity[wall] = 0

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

    def _put(self, i: int, at: Points) -> None:
        self.data.qpos[7 * i : 7 * i + 3] = at
        self.data.qpos[7 * i + 3 : 7 * i + 7] = self.turns[i]
        self.data.qvel[6 * i : 6 * i + 6] = 0.0


def _mujoco() -> Any:
    # It must not look for a display: nothing is drawn by it.
    os.environ.setdefault("MUJOCO_GL", "off")
    return importlib.import_module("mujoco")


def _xml(things: Sequence[RigidBody], fixed: Sequence[Points], unit: float, tube: float) -> str:
    """MuJoCo's description of the world; one mesh geometry a convex piece."""
    meshes: list[str] = []

    def geom(points: Points, mass: float | None) -> str:
        name = f"m{len(meshes)}"
        numbers = " ".join(f"{v:.9g}" for v in points.ravel().tolist())
        meshes.append(f'<mesh name="{name}" vertex="{numbers}"/>')
        weight = "" if mass is None else f' mass="{mass:.9g}"'
        return f'<geom type="mesh" mesh="{name}"{weight}/>'

    bodies = []
    for i, thing in enumerate(things):
        pieces = [unit * piece for piece in thing.pieces_m]
        # As heavy as their boxes are large: what matters is that none is far lighter.
        sizes = np.array([float(np.prod(np.ptp(p, axis=0) + 1e-4)) for p in pieces])
        masses = np.maximum(sizes / sizes.sum(), 1e-3) * 0.2
        geoms = "".join(geom(p, float(m)) for p, m in zip(pieces, masses))
        bodies.append(
            f'<body name="b{i}"><joint type="free" damping="{0.02 * _AIR}"/>{geoms}</body>'
        )
    statics = "".join(geom(p, None) for p in fixed) + (_walls(tube) if tube else "")
    return (
        f'<mujoco><option timestep="{_STEP_S}" cone="elliptic" impratio="5" iterations="60"/>'
        '<compiler inertiafromgeom="true" balanceinertia="true"/>'
        f'<size memory="{256 + 16 * len(things)}M"/>'
        f'<default><geom solref="{_SOFTNESS_S} 1" solimp="0.95 0.99 0.001" condim="6" '
        f'margin="{_MARGIN_M}" friction="{_FRICTION}"/></default>'
        f"<asset>{''.join(meshes)}</asset>"
        f'<worldbody><geom type="plane" size="0 0 1" margin="0"/>{statics}'
        f"{''.join(bodies)}</worldbody>"
        "</mujoco>"
    )


def _walls(radius: float) -> str:
    """A tube of boxes about the middle, without friction, so that nothing hangs on to it."""
    thick, high = 2 * _SIZE_M, 40 * _SIZE_M
    half = (radius + thick) * math.tan(math.pi / _WALLS)
    walls = []
    for k in range(_WALLS):
        angle = 2 * math.pi * k / _WALLS
        x, y = ((radius + thick / 2) * f(angle) for f in (math.cos, math.sin))
        walls.append(
            f'<geom name="wall{k}" type="box" size="{thick / 2} {half} {high}" '
            f'pos="{x:.9g} {y:.9g} {high}" euler="0 0 {math.degrees(angle):.9g}" '
            'friction="0.01 0 0" priority="1"/>'
        )
    return "".join(walls)
