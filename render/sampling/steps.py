"""Further steps of the sensor: what a plug-in adds, and how its settings are drawn.

A step is a frozen dataclass whose fields declare its settings as leaves. The config holds them
under ``sensor.steps.<name>``, each a value or a distribution; each is drawn once a frame, with
random numbers of its own name, so that a step changes no other draw.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from numpy.typing import NDArray

from render.errors import ConfigError
from render.sampling.schema import Leaf, Value
from render.system.registry import Registry

__all__ = [
    "STAGES",
    "STEPS",
    "AbstractStep",
    "Steps",
    "drawn_steps",
    "holds_steps",
    "step_leaves",
]

STAGES = (
    "defocus", "motion", "chromatic", "vignette",
    "exposure", "blur", "noise", "bayer", "white_balance", "tone", "sharpen",
)  # fmt: skip
"""What lens and sensor do, in this order, and what a step can come after."""

Steps = tuple[tuple[str, tuple[tuple[str, Value], ...]], ...]
"""Steps of one frame by name, each with its settings as drawn."""

_KEY = "steps"
_GROUP = "sensor"


@dataclass(frozen=True)
class AbstractStep(abc.ABC):
    """One more thing that lens or sensor does to a picture.

    Attributes:
        after: The stage that it comes after, one of `STAGES`; of several steps after one stage the
            first of the alphabet comes first.

    """

    after: ClassVar[str]

    @abc.abstractmethod
    def apply(self, image: NDArray[Any]) -> NDArray[Any]:
        """The picture after the step; a function of the picture and the settings alone.

        Args:
            image: ``(H, W, 3)``: linear radiance (float32), or after ``tone`` and ``sharpen``
                display sRGB (uint8). It must stay as it is.

        """


STEPS: Registry[AbstractStep] = Registry(
    AbstractStep,  # type: ignore[type-abstract]
    key="sensor.steps",
    home="render.sensor",
)
"""Steps by the names that configs write."""


def holds_steps(group: str, key: object) -> bool:
    """Whether a key of a group is not a leaf, but holds the settings of steps."""
    return (group, key) == (_GROUP, _KEY)


def step_leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, Leaf, Any]]:
    """The settings of the steps that a group of the config asks for.

    Args:
        node: The group.

    Yields:
        Path of a setting in its group, what it may be, and what the config holds; ahead of them
        the path of each step itself, which is true.

    Raises:
        ConfigError: There is no such step or setting, or one is missing.

    """
    steps = node.get(_KEY) or {}
    if not isinstance(steps, Mapping):
        raise ConfigError(f"{_GROUP}.{_KEY} must be {{NAME: {{SETTING: VALUE}}}}, got {steps!r}")
    for name in sorted(map(str, steps)):
        step, given = STEPS[name], steps[name] or {}
        where = f"{_GROUP}.{_KEY}.{name}"
        if step.after not in STAGES:
            raise ConfigError(
                f"{where} must come after one of {', '.join(STAGES)}, got {step.after!r}"
            )
        leaves = {f.name: f.metadata["leaf"] for f in fields(step) if "leaf" in f.metadata}
        if not isinstance(given, Mapping) or set(given) != set(leaves):
            names = ", ".join(leaves) or "nothing"
            raise ConfigError(f"{where} must set {names}, got {given!r}")
        yield f"{_KEY}.{name}", Leaf(kind="flag"), True  # one without settings takes part, too
        for setting, leaf in leaves.items():
            yield f"{_KEY}.{name}.{setting}", leaf, given[setting]


def drawn_steps(leaves: Mapping[str, Any]) -> tuple[dict[str, Any], Steps]:
    """Parts the leaves of a group from the settings of steps.

    Args:
        leaves: Drawn values by path.

    """
    own = {path: value for path, value in leaves.items() if "." not in path}
    steps: dict[str, list[tuple[str, Value]]] = {}
    for path, value in leaves.items():
        if path not in own:
            _, name, *setting = path.split(".")
            settings = steps.setdefault(name, [])
            settings += [(one, value) for one in setting]
    return own, tuple((name, tuple(settings)) for name, settings in steps.items())
