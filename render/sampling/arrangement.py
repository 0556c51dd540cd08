"""What is known of an arrangement of targets before anything is placed, and their register."""

from __future__ import annotations

from typing import ClassVar

from render.system.registry import Registry

__all__ = ["ARRANGEMENTS", "ArrangementFacts"]


class ArrangementFacts:
    """What drawing and assembly must know of an arrangement.

    A class that is registered derives from `render.placement.arrangement.AbstractArrangement`,
    which adds how the targets are placed.
    """

    n_targets: ClassVar[int | None] = None
    """Targets of every frame, whatever `objects.count` is; None: as many as it says."""

    floats: ClassVar[bool] = False
    """Whether the targets hang in the air, so that they throw no shadow on a picture's ground."""

    settles: ClassVar[frozenset[str]] = frozenset()
    """Leaves, as ``group.leaf``, that it decides itself: what the config asks has no effect."""


ARRANGEMENTS: Registry[ArrangementFacts] = Registry(
    ArrangementFacts, key="objects.arrangement", home="render.placement.arrangements"
)
"""Classes of arrangements by the name that `objects.arrangement` gives them."""
