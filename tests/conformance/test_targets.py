"""Occlusion, truncation and size come out as asked: measured by the ray caster, not by what placed.

The ray caster shares no code with placement or engine. Of the frames it is given the assembled
scene; everything is counted in pixels by its own rays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

from render.assembly.scene import assemble
from render.build import build
from render.errors import ConfigError, UnrealisableError
from render.geometry.frames import inverse_rigid
from render.plan import Plan
from render.scene import Scene
from render.theta import Theta
from tests.oracle.flatten import rays_of
from tests.spaces import composed

# The promise of occlusion and truncation is absolute, that of size relative.
SHARE, SIZE = 0.03, 0.01
PLAIN = ("background=color", "lighting=sun", "sensor=clean", "camera.size_wh=[640,480]")


@dataclass
class Measured:
    """Errors of all frames, and draws that were rejected."""

    occluded: list[float] = field(default_factory=list)
    truncated: list[float] = field(default_factory=list)
    size: list[float] = field(default_factory=list)
    rejections: Counter[str] = field(default_factory=Counter)

    def within(self, errors: list[float], bound: float) -> float:
        return float(np.mean(np.abs(errors) <= bound))


def measure(plan: Plan, n_frames: int) -> Measured:
    found = Measured()
    for frame_idx in range(n_frames):
        theta, placement, rejections = plan.draw(frame_idx)
        found.rejections.update(rejections)
        _measure(assemble(theta, placement, plan.assets), theta, found)
    return found


def _measure(scene: Scene, theta: Theta, found: Measured) -> None:
    rays = rays_of(scene)
    owners = rays.triangles.owner
    w, h = scene.camera.size_wh
    ids, _ = rays.image(0, 0, (w, h))
    for instance in scene.instances:
        if instance.role != "target":
            continue
        own = np.flatnonzero(owners == instance.instance_idx)
        alone, _ = rays.image(0, 0, (w, h), own)
        in_frame = int((alone >= 0).sum())
        visible = int((ids == instance.instance_idx).sum())
        if theta.occlusion.occluded_fract is not None and in_frame:
            found.occluded.append(1 - visible / in_frame - theta.occlusion.occluded_fract)
        if instance.instance_idx == 0:
            box = rays.boxes[own]
            x0, y0, x1, y1 = *box[:, :2].min(axis=0), *box[:, 2:].max(axis=0)
            if theta.truncation.truncated_fract is not None:
                a, b = int(np.floor(x0)) - 1, int(np.floor(y0)) - 1
                whole, _ = rays.image(a, b, (int(x1) - a + 2, int(y1) - b + 2), own)
                cut = 1 - in_frame / int((whole >= 0).sum())
                found.truncated.append(cut - theta.truncation.truncated_fract)
            if theta.scale.size_px is not None:
                found.size.append(max(x1 - x0, y1 - y0) / theta.scale.size_px - 1)


CASES = {
    "three_floating": (
        "objects=scatter", "objects.count=3", "occlusion=occluded", "truncation=some",
        "scale.size_px=[uniform,40,200]",
    ),
    "three_standing": (
        "objects=surface", "objects.count=3", "occlusion=occluded", "truncation=some",
        "scale.size_px=[uniform,40,200]",
    ),
    "each_kind_of_occluder_nearly_all_hidden": (
        "objects=scatter", "objects.count=2", "occlusion=occluded",
        "occlusion.occluded_fract=[uniform,0.75,0.92]", "scale.size_px=[uniform,60,160]",
    ),
    "targets_before_targets": (
        "objects=scatter", "objects.count=4", "occlusion=occluded",
        "occlusion.by=[choice,target,primitive]", "scale.size_px=[uniform,50,120]",
    ),
    "nothing_hidden_nothing_cut": (
        "objects=scatter", "objects.count=4", "occlusion.occluded_fract=0", "occlusion.count=3",
        "truncation.truncated_fract=0", "scale.size_px=[uniform,60,300]",
    ),
    "through_a_grille": (
        "objects=scatter", "objects.count=3", "models=[grille]", "occlusion=occluded",
        "scale.size_px=[uniform,80,200]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_asked_is_achieved(name: str) -> None:
    plan = build(composed(*PLAIN, *CASES[name]))
    found = measure(plan, 16)

    assert found.occluded
    assert found.within(found.occluded, SHARE) >= 0.98
    assert not found.truncated or found.within(found.truncated, SHARE) >= 0.98
    assert found.within(found.size, SIZE) == 1.0
    assert found.rejections.total() <= 0.1 * (16 + found.rejections.total())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["three_floating", "three_standing"])
def test_asked_is_achieved_over_500_frames(name: str) -> None:
    plan = build(composed(*PLAIN, *CASES[name], "seed=7"))
    found = measure(plan, 500)

    assert len(found.occluded) >= 1400
    assert found.within(found.occluded, SHARE) >= 0.98
    assert found.within(found.truncated, SHARE) >= 0.98
    assert found.within(found.size, SIZE) >= 0.98
    assert found.rejections.total() <= 0.1 * (500 + found.rejections.total())


def test_only_the_wanted_edge_cuts() -> None:
    for side, axis, sign in (("left", 0, -1), ("right", 0, 1), ("top", 1, -1), ("bottom", 1, 1)):
        plan = build(
            composed(
                *PLAIN, "objects=single", "truncation=some", f"truncation.side={side}",
                "scale.size_px=120", "viewpoint.offset_x=0", "viewpoint.offset_y=0",
                "truncation.truncated_fract=0.4",
            )
        )  # fmt: skip
        for frame_idx in range(3):
            theta, placement, _ = plan.draw(frame_idx)
            scene = assemble(theta, placement, plan.assets)
            boxes = rays_of(scene).boxes
            x0, y0, x1, y1 = *boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)
            w, h = scene.camera.size_wh
            beyond = {(0, -1): x0 < -0.5, (0, 1): x1 > w - 0.5, (1, -1): y0 < -0.5}
            beyond |= {(1, 1): y1 > h - 0.5}

            assert beyond.pop((axis, sign))
            assert not any(beyond.values())


def test_the_direction_of_view_stays_when_the_target_is_cut() -> None:
    plan = build(composed(*PLAIN, "objects=single", "truncation=some"))
    for frame_idx in range(5):
        theta, placement, _ = plan.draw(frame_idx)
        scene = assemble(theta, placement, plan.assets)
        first = scene.instances[0]
        center = (first.T_world_obj @ np.append(first.scale * first.model.center_m, 1.0))[:3]
        away = np.linalg.inv(inverse_rigid(scene.camera.T_world_cam))[:3, 3] - center
        away /= np.linalg.norm(away)
        az, el = np.radians([theta.viewpoint.azimuth_deg, theta.viewpoint.elevation_deg])
        asked = np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])

        assert float(away @ asked) == pytest.approx(1.0, abs=1e-9)


def are_separable(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Some plane has all of `a` on one side and all of `b` on the other: a linear program."""
    rows = np.vstack([np.c_[a, np.ones(len(a))], -np.c_[b, np.ones(len(b))]])
    size = max(np.ptp(a), np.ptp(b))
    found = linprog(np.zeros(4), rows / size, np.full(len(rows), -1.0), bounds=(None, None))
    return bool(found.status == 0)


def test_occluders_hit_nothing_and_are_recorded_as_distractors() -> None:
    plan = build(composed(*PLAIN, *CASES["each_kind_of_occluder_nearly_all_hidden"]))
    kinds = set()
    for frame_idx in range(12):
        theta, placement, _ = plan.draw(frame_idx)
        bodies = [
            (plan.assets.model(p.model).hull_m * p.scale)
            @ np.reshape(p.T_world_obj, (4, 4))[:3, :3].T
            + np.reshape(p.T_world_obj, (4, 4))[:3, 3]
            for p in placement.instances
        ]
        for i, points in enumerate(bodies):
            assert all(are_separable(points, others) for others in bodies[i + 1 :])
        for placed in placement.instances:
            if placed.role == "distractor":
                kinds.add(placed.model)
                by = theta.occlusion.by[placed.theta_idx]
                kind = theta.occlusion.kind[placed.theta_idx]
                assert placed.model == f"primitive:{kind if by == 'primitive' else by}"

    assert {"primitive:hand", "primitive:bar", "primitive:card"} < kinds


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            ("scale.size_px=[uniform,700,900]", "truncation.truncated_fract=0"),
            "scale.size_px must then fit into 640 pixels, got at least 700",
        ),
        (
            ("scale.size_frac=[uniform,1.2,2]", "truncation.truncated_fract=0"),
            "scale.size_frac must then fit into 640 pixels, got at least 768",
        ),
        (
            ("occlusion.occluded_fract=0.5", "occlusion.by=target"),
            "occlusion.by must allow something beside target",
        ),
    ],
)
def test_what_no_frame_can_meet_is_found_before_frame_0(
    overrides: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ConfigError, match=says.replace("[", r"\[")):
        build(composed(*PLAIN, *overrides))


def test_a_search_without_success_names_the_constraint_and_a_theta() -> None:
    """Wider than high, but higher than the image: only the search can tell."""
    plan = build(
        composed(
            *PLAIN, "objects=single", "models=[die]", "scale.size_px=600",
            "truncation.truncated_fract=0",
        )
    )  # fmt: skip
    with pytest.raises(UnrealisableError) as error:
        plan.draw(3)

    message = str(error.value)
    assert "frame 3" in message
    assert "truncated_fract not reached: the target is larger than the image (100)" in message
    assert "scale.size_px=600" in message
    assert "viewpoint.azimuth_deg=" in message
