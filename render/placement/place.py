"""θ to poses: the search whose outcome is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from render.assembly.surfaces import REACH, has_ground
from render.errors import RejectedTheta
from render.geometry.states import WantedState
from render.placement.arrangement import arranged
from render.placement.context import PlacementContext
from render.placement.sources import ModelSource
from render.placement.views import all_views
from render.theta import Placement, Theta

__all__ = ["place", "place_views"]


def place(
    theta: Theta,
    assets: ModelSource,
    *,
    seed: int,
    frame_idx: int,
    attempt: int,
    wanted: Mapping[int, WantedState] | None = None,
) -> Placement:
    """Finds the poses and the camera that realise θ of a scene with one view; see `place_views`."""
    return place_views(
        (theta,), assets, seed=seed, scene_id=frame_idx, attempt=attempt, wanted=wanted
    )[0]


def place_views(
    thetas: Sequence[Theta],
    assets: ModelSource,
    *,
    seed: int,
    scene_id: int,
    attempt: int,
    wanted: Mapping[int, WantedState] | None = None,
) -> tuple[Placement, ...]:
    """Finds the poses and the cameras that realise θ.

    The arrangement places the targets; distractors are put where their convex hulls hit
    nothing, and occluders where each target is covered as asked. Every random number comes
    from a stream named for its instance.

    Args:
        thetas: The drawn scene parameters of each view of the scene; model names are resolved.
        assets: Gives models by name, ``primitive:<kind>`` among them.
        seed: The run's.
        scene_id: Number of the scene in the run; with one view each, that of the frame.
        attempt: Which draw of θ this is.
        wanted: States that targets are to show where their orientation is drawn, by index.

    Raises:
        RejectedTheta: If θ cannot be realised: a size that no distance gives, a camera
            inside the target, objects that find no free place.
        ConfigError: If a leaf that is needed is null, or the arrangement fails.

    """
    theta = thetas[0]
    context = PlacementContext(
        theta=theta,
        assets=assets,
        seed=seed,
        frame_idx=scene_id,
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
    first = stage.placement(distractors, reach=reach, is_negative=theta.objects.count == 0)
    return all_views(thetas, first, stage, n_targets=len(targets), reach=reach)
