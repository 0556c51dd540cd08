"""Whether declared states tell apart the poses in which a model is placed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError
from render.geometry.states import SAME_DEG, States
from render.geometry.symmetry import Symmetry, rotation_about
from render.library.models import ModelLibrary
from render.placement.orientation import UPRIGHT
from render.sampling.arrangement import ARRANGEMENTS
from render.sampling.objects import TURNED
from render.sampling.space import ThetaSpace
from render.scene import Model

__all__ = ["check_states", "state_remarks"]

_ORIENTATION = "objects.orientation"
_TURNS = 24  # about an axis of revolution


def state_remarks(
    states: Mapping[str, States],
    models: ModelLibrary,
    space: ThetaSpace,
    *,
    tolerance_deg: float | None,
) -> Iterator[str]:
    """What is allowed of states that are categories, but hardly meant.

    Args:
        states: Of each model that has some, by its name.
        models: Gives the models.
        space: What θ is drawn from.
        tolerance_deg: A pose that is farther from every state is not labelled; None: none is.

    Raises:
        ConfigError: As `check_states`.

    """
    arrangements = (str(name) for name in space.support("objects", "arrangement"))
    settled = sorted(name for name in arrangements if _ORIENTATION in ARRANGEMENTS[name].settles)
    drawn = space.support("objects", "orientation")
    for name, declared in states.items():
        is_upright = not settled and not drawn & TURNED
        yield from check_states(
            declared, models.load(name), is_upright=is_upright, tolerance_deg=tolerance_deg
        )
    if states and settled and space.balance is not None:
        yield (
            "balance=true cannot choose the states of what is dropped, as "
            f"objects.arrangement={settled[0]} does: they come as often as they fall"
        )


def check_states(
    states: States, model: Model, *, is_upright: bool, tolerance_deg: float | None
) -> Iterator[str]:
    """Checks states of a model; gives what is allowed, but hardly meant.

    Args:
        is_upright: Whether the model is placed with its up axis up alone.
        tolerance_deg: As `state_remarks` has it.

    Raises:
        ConfigError: Two states look alike by a symmetry; a pose in which the model rests is as
            near to two states; or with a tolerance all such poses are beyond it.

    """
    _check_looks(states, model)
    ups, probs = model.stable_poses[:, 2], model.stable_probs
    if is_upright or not len(ups):
        ups, probs = UPRIGHT[model.up][None, 2], np.ones(1)
    beyond = 0.0
    for up, prob in zip(ups, probs, strict=True):
        off = states.off_deg(up)
        first, *others = np.argsort(off, kind="stable").tolist()
        if tolerance_deg is not None and off[first] > tolerance_deg:
            beyond += float(prob)
        elif others and off[others[0]] - off[first] < SAME_DEG:
            raise ConfigError(
                f"states of {model.name} must tell apart the poses in which it rests, and the one "
                f"with {_text(up)} up is as near to {states.names[first]} as to "
                f"{states.names[others[0]]} ({off[first]:.3g} degrees): declare its state, or set "
                "labels.state_tolerance_deg, beyond which poses are not labelled"
            )
    if beyond > 1 - 1e-9:
        raise ConfigError(
            f"labels.state_tolerance_deg must leave {model.name} a pose in which it rests, got "
            f"{tolerance_deg:g}: all are farther from its states"
        )
    if beyond:
        yield (
            f"labels.state_tolerance_deg={tolerance_deg:g} leaves {100 * beyond:.2g} % of the "
            f"poses in which {model.name} comes to rest without a state, and so without a label"
        )


def _check_looks(states: States, model: Model) -> None:
    """Poses that look alike, by what the side file says, must have one state."""
    for turn in () if model.symmetry is None else _turns(model.symmetry):
        for name in states.names:
            for up in states.ups_of(name):
                off = states.off_deg(turn @ up)
                other = states.names[int(off.argmin())]
                if other != name:
                    raise ConfigError(
                        f"states of {model.name} must not look alike, and by its symmetries "
                        f"{name} with {_text(up)} up looks as {other} does"
                    )


def _turns(symmetry: Symmetry) -> Iterator[NDArray[np.float64]]:
    yield from symmetry.motions[:, :3, :3]
    for axis in symmetry.axes:
        for k in range(1, _TURNS):
            yield rotation_about(np.array(axis.direction), 2 * math.pi * k / _TURNS)


def _text(up: NDArray[np.float64]) -> str:
    return f"[{', '.join(f'{x:.3g}' for x in up + 0.0)}]"
