"""θ to poses: the search whose outcome is recorded."""

from __future__ import annotations

from collections.abc import Mapping

from render.assembly.surfaces import REACH, has_ground
from render.errors import RejectedTheta
from render.geometry.states import WantedState
from render.placement.arrangement import arranged
from render.placement.context import PlacementContext
from render.placement.sources import ModelSource
from render.theta import Placement, Theta

__all__ = ["place"]


def place(
    theta: Theta,
    assets: ModelSource,
    *,
    seed: int,
    frame_idx: int,
    attempt: int,
    wanted: Mapping[int, WantedState] | None = None,
) -> Placement:
    """Finds the poses and the camera that realise θ.

    The arrangement places the targets; distractors are put where their convex hulls hit
    nothing, and occluders where each target is covered as asked. Every random number comes
    from a stream named for its instance.

    Args:
        theta: The drawn scene parameters; model names are resolved.
        assets: Gives models by name, ``primitive:<kind>`` among them.
        seed: The run's.
        frame_idx: Index of the frame in the run.
        attempt: Which draw of θ this is.
        wanted: States that targets are to show where their orientation is drawn, by index.

    Raises:
        RejectedTheta: If θ cannot be realised: a size that no distance gives, a camera
            inside the target, objects that find no free place.
        ConfigError: If a leaf that is needed is null, or the arrangement fails.

    """
    context = PlacementContext(
        theta=theta,
        assets=assets,
        seed=seed,
        frame_idx=frame_idx,
        attempt=attempt,
        wanted=wanted or {},
    )
    stage = arranged(context)
    targets = list(stage.placed.bodies)
    distractors: tuple[int, ...] = ()
    for j in range(theta.occlusion.count):
        try:
            context.add_distractor(j, stage, targets)
        except RejectedTheta:
            if stage.container is None:
                raise
            continue  # a container is made to the targets: what finds no place is left out
        distractors += (j,)
    if stage.occluders is not None:
        distractors += stage.occluders.cover(context.candidates(stage.view))
    reach = REACH if has_ground(theta.background, theta.objects.arrangement) else 0.0
    return stage.placement(distractors, reach=reach, is_negative=theta.objects.count == 0)
