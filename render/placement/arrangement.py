"""What an arrangement of targets does, and how it is found and run by its name."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from render.errors import ConfigError, RejectedTheta, RenderError, failure_of
from render.library.assets import AssetLibrary
from render.placement.context import PlacementContext
from render.placement.stage import Stage
from render.sampling.arrangement import ARRANGEMENTS, ArrangementFacts

__all__ = ["ARRANGEMENTS", "AbstractArrangement", "arranged", "arrangement_of", "naming"]


class AbstractArrangement(ArrangementFacts, abc.ABC):
    """Places the targets of a frame; holds no state.

    The first line of the docstring of a class stands in the table of scene parameters.
    """

    @abc.abstractmethod
    def aimed(self, context: PlacementContext) -> Stage:
        """Places all targets before a camera that `viewpoint`, `scale` and `truncation` aim.

        `PlacementContext.aim` gives the stage with the principal target; the others are added
        to it.

        Raises:
            RejectedTheta: This draw of θ has no such places; it is redrawn and counted.

        """

    def calibrated(self, context: PlacementContext) -> Stage:
        """Places all targets before a camera that stands where `camera.T_world_cam` says.

        An arrangement that does not define this refuses such a camera before frame 0.

        Raises:
            RejectedTheta: This draw of θ has no such places; it is redrawn and counted.

        """
        raise NotImplementedError

    def prepare(self, assets: AssetLibrary, n_frames: int) -> None:
        """Checks and makes what its frames need; called once, before frame 0.

        Args:
            assets: All that the run's scenes are made of.
            n_frames: How many frames the run has.

        Raises:
            ConfigError: Something is missing.

        """

    def models(self, assets: AssetLibrary) -> Sequence[tuple[str, ...]] | None:
        """Names of the models of each frame's targets; None: as `objects.model` draws them.

        Args:
            assets: All that the run's scenes are made of. The method is called whether or not the
                run shows the arrangement.

        """
        return None

    @classmethod
    def takes_calibrated(cls) -> bool:
        """Whether it can place targets before a calibrated camera."""
        return cls.calibrated is not AbstractArrangement.calibrated


def arrangement_of(name: str) -> AbstractArrangement:
    """The arrangement of a name.

    Raises:
        ConfigError: There is none, or it cannot place anything.

    """
    made = ARRANGEMENTS[name]()
    if not isinstance(made, AbstractArrangement):
        raise ConfigError(
            f"objects.arrangement={name} must derive from AbstractArrangement, got "
            f"{_class_name(made)}"
        )
    return made


def arranged(context: PlacementContext) -> Stage:
    """All targets of a frame, at the places that `objects.arrangement` gives them.

    Raises:
        RejectedTheta: The arrangement finds no places for this draw of θ.
        ConfigError: The arrangement fails, or does not place the targets; it is named.

    """
    name = context.theta.objects.arrangement
    arrangement = arrangement_of(name)
    with naming(name, arrangement, f"in frame {context.first_frame}"):
        if context.theta.camera.T_world_cam is None:
            stage = arrangement.aimed(context)
        else:
            stage = arrangement.calibrated(context)
    bodies, n_unplaced = [], 0
    if isinstance(stage, Stage):
        bodies, n_unplaced = stage.placed.bodies, len(stage.unplaced)
    n_found = sum(bool(np.isfinite(body.center_cam).all()) for body in bodies)
    n_wanted = (arrangement.n_targets or context.theta.objects.count) - n_unplaced
    # A frame that shows no target has the principal one placed all the same, or all of a file.
    if n_found != len(bodies) or (n_found != n_wanted if n_wanted else n_found == 0):
        n_wanted, frame = max(n_wanted, 1), context.first_frame
        raise ConfigError(
            f"objects.arrangement={name} ({_class_name(arrangement)}) must place {n_wanted} target"
            f"{'s' if n_wanted > 1 else ''} in frame {frame}, got {n_found} with a pose"
        )
    return stage


@contextmanager
def naming(name: str, arrangement: AbstractArrangement, when: str) -> Iterator[None]:
    """Lets an error that was not raised on purpose name the arrangement that it comes from.

    Args:
        name: The arrangement's in the config.
        arrangement: What runs within.
        when: Such as ``in frame 7``, for the message.

    Raises:
        ConfigError: In place of any error but those of `render.errors`.

    """
    try:
        yield
    except (RenderError, RejectedTheta):
        raise
    except Exception as error:
        raise ConfigError(
            f"objects.arrangement={name} ({_class_name(arrangement)}) failed {when}: "
            f"{failure_of(error)}"
        ) from error


def _class_name(arrangement: object) -> str:
    return f"{type(arrangement).__module__}.{type(arrangement).__qualname__}"
