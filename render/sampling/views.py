"""Several views of one scene: which frames they are, and what of θ is each one's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from render.errors import ConfigError
from render.sampling.arguments import show
from render.sampling.axes import leaves_by_preset
from render.sampling.distribution import Drawable
from render.sampling.distributions.constant import Constant
from render.sampling.groups import Theta
from render.sampling.rules import check_rigid
from render.sampling.viewpoint import NUMBERS_OF_ANGLES, NUMBERS_OF_POSE

__all__ = [
    "ANGLES",
    "check_n_frames",
    "check_views",
    "listed_of",
    "own_leaves",
    "turned",
    "views_of",
]

ANGLES = ("azimuth_deg", "elevation_deg", "roll_deg")
_TRANSLATION = (3, 7, 11)
_Leaves = Sequence[Mapping[str, Drawable]]


def views_of(config: Mapping[str, Any]) -> int:
    """How many frames of a dataset show each scene.

    Args:
        config: Resolved; earlier versions had one view of each.

    Raises:
        ConfigError: It says several numbers, or none.

    """
    if not isinstance(config.get("viewpoint"), Mapping):
        return 1
    try:
        found = [
            leaves.get("views", 1) for leaves in leaves_by_preset(config, "viewpoint").values()
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"viewpoint cannot be read: {type(error).__name__}: {error}") from error
    if any(type(n) is not int or n < 1 or n != found[0] for n in found):
        raise ConfigError(f"viewpoint.views must be one whole number, got {show(found)}")
    return int(found[0])


def check_n_frames(n_frames: int, views: int) -> None:
    """Checks that all scenes of a dataset have all of their views.

    Raises:
        ConfigError: The last one lacks some.

    """
    if n_frames % views:
        whole = n_frames - n_frames % views
        near = " or ".join(str(n) for n in (whole, whole + views) if n)
        raise ConfigError(
            f"n_frames must be a multiple of viewpoint.views, {views}, because each scene has that "
            f"many frames, got {n_frames}: set n_frames={near.replace(' or ', ' or n_frames=')}"
        )


def check_views(groups: Mapping[str, _Leaves], finite: Collection[str]) -> int:
    """Checks what `viewpoint.views` asks of other leaves.

    Args:
        groups: The leaves of each group, once for each preset that can be drawn.
        finite: Arrangements whose frames are those of a file.

    Returns:
        How many views a scene has.

    Raises:
        ConfigError: What is asked is no layout of views.

    """
    viewpoints, poses = groups["viewpoint"], [c["T_world_cam"] for c in groups["camera"]]
    numbers = {v["views"] for v in viewpoints}
    if len(numbers) > 1 or not all(isinstance(n, Constant) for n in numbers):
        raise ConfigError(
            "viewpoint.views must be one whole number over the whole dataset, got a distribution "
            "or several: it says which frames show one scene"
        )
    n_views = int(numbers.pop().components[0].ppf(0.0))  # type: ignore[arg-type]
    if n_views == 1:
        return 1
    shown = {str(name) for o in groups["objects"] for name in o["arrangement"].support or ()}
    if of_a_file := sorted(shown & {*finite}):
        raise ConfigError(
            f"viewpoint.views must be 1 where objects.arrangement={of_a_file[0]}, got {n_views}: "
            "its frames are those of a file"
        )
    is_calibrated = any(p.support != (None,) for p in poses)
    layouts = {str(name) for v in viewpoints for name in v["layout"].support or ()}
    if "stereo" in layouts and n_views != 2:
        raise ConfigError(f"viewpoint.views must be 2 where viewpoint.layout=stereo, got {n_views}")
    if "stereo" in layouts and any(_can_be(v["baseline_m"], (None, 0)) for v in viewpoints):
        raise ConfigError(
            "viewpoint.baseline_m must be set and not 0 where viewpoint.layout=stereo, got null or "
            "0: set viewpoint.baseline_m=0.06"
        )
    if "drawn" in layouts:
        _check_drawn(viewpoints, is_calibrated=is_calibrated)
    if "listed" in layouts:
        if is_calibrated and any(_can_be(p, (None,)) for p in poses):
            raise ConfigError(
                "camera.T_world_cam must be set in all frames or in none where "
                "viewpoint.layout=listed, got one that can be null: it decides what the list"
                " holds"
            )
        for leaves in viewpoints:
            _check_listed(leaves["listed"], n_views - 1, is_calibrated=is_calibrated)
    return n_views


def _check_drawn(viewpoints: _Leaves, *, is_calibrated: bool) -> None:
    if is_calibrated:
        raise ConfigError(
            "viewpoint.layout must not be drawn where camera.T_world_cam is set, whose camera "
            "viewpoint does not turn: take around, stereo or listed"
        )
    if all(len(v[angle].support or ()) == 1 for v in viewpoints for angle in ANGLES):
        raise ConfigError(
            "viewpoint.layout must not be drawn where azimuth_deg, elevation_deg and roll_deg are "
            "plain numbers, because all views would be the same: take around, or draw one of them "
            "from a distribution"
        )


def _check_listed(listed: Drawable, n_further: int, *, is_calibrated: bool) -> None:
    size = NUMBERS_OF_POSE if is_calibrated else NUMBERS_OF_ANGLES
    what = (
        "the 16 of its transform, because camera.T_world_cam is set"
        if is_calibrated
        else "azimuth, elevation and roll"
    )
    rule = (
        f"viewpoint.listed must have {n_further * size} numbers where viewpoint.layout=listed and "
        f"viewpoint.views={n_further + 1}: of each further view {what}"
    )
    if _can_be(listed, (None,)):
        raise ConfigError(f"{rule}; got null")
    for box in listed.boxes:
        if len(box) != n_further * size:
            raise ConfigError(f"{rule}; got {len(box)}")
        for pose in (box[i : i + size] for i in range(0, len(box), size)) if is_calibrated else ():
            if any(lo != hi for i, (lo, hi) in enumerate(pose) if i not in _TRANSLATION):
                raise ConfigError(
                    "viewpoint.listed must have plain numbers but in translations, because a "
                    "rotation that is drawn number by number is none: camera.jitter_deg turns "
                    "each camera"
                )
            check_rigid("viewpoint.listed", [lo if lo == hi else 0.0 for lo, hi in pose])


def _can_be(leaf: Drawable, values: tuple[object, ...]) -> bool:
    lo, hi = leaf.bounds or (1, 1)
    return any(v in values for v in leaf.support or ()) or (0 in values and lo <= 0 <= hi)


def own_leaves(theta: Theta) -> Iterator[tuple[str, str]]:
    """Group and name of the leaves that a further view of a scene draws for itself."""
    layout = theta.viewpoint.layout
    yield from (("sensor", "noise_seed"), ("sensor", "depth_seed"))
    if layout == "drawn":
        yield from (("viewpoint", angle) for angle in ANGLES)
    if layout == "listed" and theta.camera.T_world_cam is not None:
        yield from (("camera", "jitter_m"), ("camera", "jitter_deg"))


def listed_of(theta: Theta, view_idx: int) -> tuple[float, ...]:
    """What `viewpoint.listed` says of a further view."""
    size = NUMBERS_OF_ANGLES if theta.camera.T_world_cam is None else NUMBERS_OF_POSE
    listed = theta.viewpoint.listed or ()
    return listed[(view_idx - 1) * size : view_idx * size]


def turned(theta: Theta, view_idx: int) -> Theta:
    """θ of a further view whose angles follow from those of the first one.

    Args:
        theta: As the view drew it.
        view_idx: Its number, from 1.

    """
    viewpoint = theta.viewpoint
    if theta.camera.T_world_cam is not None:  # takes no part
        return theta
    if viewpoint.layout == "around":
        azimuth = viewpoint.azimuth_deg + 360.0 * view_idx / viewpoint.views
        azimuth -= 360.0 if azimuth > 360.0 else 0.0
        return replace(theta, viewpoint=replace(viewpoint, azimuth_deg=azimuth))
    if viewpoint.layout == "listed":
        angles = dict(zip(ANGLES, listed_of(theta, view_idx), strict=True))
        return replace(theta, viewpoint=replace(viewpoint, **angles))  # type: ignore[arg-type]
    return theta
