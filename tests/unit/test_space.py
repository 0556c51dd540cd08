"""θ as a whole: what its draws depend on, and what they do not."""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from typing import Any

import pytest

from render.errors import ConfigError
from render.sampling.groups import GROUPS
from render.sampling.sequences import LHS_BLOCK
from render.sampling.space import ThetaSpace
from render.theta import theta_from_json, theta_to_json
from tests.spaces import composed, space_of

SAMPLINGS = ("random", "sobol", "lhs", "grid", "stratified")
# Levels for the grid, a mixture, leaves of every scope.
RICH = (
    "lighting=mixture", "material=jitter", "viewpoint.elevation_deg=[levels,10,45,80]",
    "scale.size_frac=[levels,0.2,0.4]", "occlusion.size_ratio=[levels,0.2,0.4]",
)  # fmt: skip


@pytest.fixture(scope="module")
def rich() -> dict[str, Any]:
    return composed(*RICH)


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    return composed()


def drawn(config: dict[str, Any], frames: range, sampling: str, seed: int = 0) -> list[Any]:
    space = space_of(config, sampling=sampling, seed=seed)
    return [theta_to_json(space.draw(frame_idx)) for frame_idx in frames]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_frame_depends_on_config_seed_and_index_alone(
    rich: dict[str, Any], sampling: str
) -> None:
    long = drawn(rich, range(20), sampling)

    assert long[:10] == drawn(rich, range(10), sampling)
    assert long[7:8] == drawn(rich, range(7, 8), sampling)
    assert long[::-1] == drawn(rich, range(19, -1, -1), sampling)
    assert long != drawn(rich, range(20), sampling, seed=1)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_stored_config_draws_the_same(rich: dict[str, Any], sampling: str) -> None:
    stored = json.loads(json.dumps(rich, sort_keys=True))

    assert drawn(stored, range(5), sampling) == drawn(rich, range(5), sampling)


# Stratified: which combinations there are depends on what varies in three groups together.
@pytest.mark.parametrize("sampling", [name for name in SAMPLINGS if name != "stratified"])
@pytest.mark.parametrize("group", GROUPS)
def test_a_change_of_one_group_changes_no_other(
    plain: dict[str, Any], group: str, sampling: str
) -> None:
    changed = copy.deepcopy(plain)
    for leaf, value in changed[group].items():
        if isinstance(value, list) and value[:1] == ["uniform"]:
            changed[group][leaf] = value[1]
        elif isinstance(value, list) and value[:1] == ["integers"] and leaf != "count":
            changed[group][leaf] = value[2]
    others = [name for name in GROUPS if name != group]

    for before, after in zip(
        drawn(plain, range(6), sampling), drawn(changed, range(6), sampling), strict=True
    ):
        assert [before[name] for name in others] == [after[name] for name in others]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_more_instances_leave_the_first_ones_alone(plain: dict[str, Any], sampling: str) -> None:
    few, many = copy.deepcopy(plain), copy.deepcopy(plain)
    few["objects"]["count"], many["objects"]["count"] = 2, 5

    for a, b in zip(drawn(few, range(4), sampling), drawn(many, range(4), sampling), strict=True):
        assert a["objects"]["model"] == b["objects"]["model"][:2]
        assert a["objects"]["size_ratio"] == b["objects"]["size_ratio"][:2]
        assert a["occlusion"] == b["occlusion"]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_leaf_draws_the_same_as_a_mixture_s_leaf(sampling: str) -> None:
    plain = composed("lighting=studio")
    mixed = composed("lighting=mixture", "lighting.preset=studio")

    for a, b in zip(drawn(plain, range(4), sampling), drawn(mixed, range(4), sampling)):
        assert b["lighting"].pop("preset") == "studio"
        assert a == b


def test_later_attempts_differ(plain: dict[str, Any]) -> None:
    for sampling in SAMPLINGS:
        space = space_of(plain, sampling=sampling)

        assert len({str(space.draw(3, attempt)) for attempt in range(10)}) == 10


def test_grid_has_each_combination_once_a_cycle(rich: dict[str, Any]) -> None:
    for first in (0, 12, 120):
        combinations = [
            (t["viewpoint"]["elevation_deg"], t["scale"]["size_frac"])
            for t in drawn(rich, range(first, first + 12), "grid")
        ]

        # The leaf of distractors, all of which have one level in a frame, counts too.
        wanted = Counter(2 * list(itertools.product((10.0, 45.0, 80.0), (0.2, 0.4))))
        assert wanted == Counter(combinations)
    for theta in drawn(rich, range(24), "grid"):
        assert len(set(theta["occlusion"]["size_ratio"])) <= 1


def test_grid_keeps_its_combination_when_a_draw_is_rejected(rich: dict[str, Any]) -> None:
    space = space_of(rich, sampling="grid")

    thetas = [space.draw(5, attempt) for attempt in range(9)]
    assert len({(t.viewpoint.elevation_deg, t.scale.size_frac) for t in thetas}) == 1


def test_grid_enumerates_presets_and_components() -> None:
    config = composed(
        "lighting=mixture", "lighting.preset=[levels,sun,studio]",
        "background.color=[[levels,0,255],7,[levels,1,2,3]]",
    )  # fmt: skip

    seen = {
        (t["lighting"]["preset"], *t["background"]["color"])
        for t in drawn(config, range(12), "grid")
    }
    assert set(itertools.product(("sun", "studio"), (0, 255), (7,), (1, 2, 3))) == seen


def test_lhs_spreads_each_leaf_over_a_block(plain: dict[str, Any]) -> None:
    thetas = drawn(plain, range(LHS_BLOCK), "lhs")
    for group, leaf, lo, hi in (
        ("viewpoint", "azimuth_deg", 0, 360),
        ("scale", "size_frac", 0.1, 0.5),
        ("sensor", "blur_px", 0, 0.7),
    ):
        values = [(t[group][leaf] - lo) / (hi - lo) for t in thetas]

        assert list(range(LHS_BLOCK)) == sorted(int(v * LHS_BLOCK) for v in values)


def test_mixture_draws_presets_in_proportion() -> None:
    config = composed("lighting=mixture", "lighting.preset=[choice,{sun: 0.25, fixed: 0.75}]")

    thetas = drawn(config, range(512), "sobol")
    presets = Counter(t["lighting"]["preset"] for t in thetas)
    assert {"sun": 128, "fixed": 384} == presets
    for theta in thetas:
        fixed = theta["lighting"]["preset"] == "fixed"
        assert (theta["lighting"]["azimuth_deg"] == [60.0]) == fixed


def test_a_leaf_that_is_set_holds_under_every_preset_of_a_mixture() -> None:
    config = composed("lighting=mixture", "lighting.ambient=0.77")

    assert {0.77} == {t["lighting"]["ambient"] for t in drawn(config, range(20), "random")}


def test_single_shows_one_target() -> None:
    config = composed("objects=single", "objects.count=4")

    assert {1} == {t["objects"]["count"] for t in drawn(config, range(5), "random")}
    assert "objects.arrangement=single shows 1 target," in space_of(config).remarks()[0]


def test_what_is_hardly_meant_is_remarked(plain: dict[str, Any], rich: dict[str, Any]) -> None:
    assert "there are none" in space_of(plain, sampling="grid").remarks()[0]
    assert () == space_of(rich, sampling="grid").remarks() == space_of(plain).remarks()


def test_theta_survives_json(rich: dict[str, Any]) -> None:
    theta = space_of(rich).draw(4)

    assert theta == theta_from_json(json.loads(json.dumps(theta_to_json(theta))))


def test_support_is_all_that_can_be_drawn() -> None:
    space = space_of(composed("background=mixture", "background.preset=[choice,photo,color]"))

    assert {"photo", "color"} == space.support("background", "kind")
    with pytest.raises(ValueError, match="very many"):
        space.support("background", "crop_frac")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["scale.size_px=100", "scale.distance_m=1"], "set scale.distance_m=null"),
        (["scale=distance", "scale.size_px=100"], "set scale.distance_m=null"),
        (["scale=mixture", "scale.size_px=100"], "set scale.distance_m=null"),
        (["scale.size_frac=null"], "one of scale.size_frac, scale.size_px and scale.distance_m"),
        (["scale.size_frac=[choice,null,0.3]"], "must be set in every frame"),
        (["camera.fov_deg=null"], "one of camera.fov_deg and camera.K must be set"),
        (["camera.size_wh=[640.5,480]"], "camera.size_wh must be whole numbers"),
        (["camera.size_wh=[[uniform,600,640],480]"], "camera.size_wh must be whole numbers"),
        (["camera.size_wh=[8,480]"], "camera.size_wh[0] must lie in 16 to 8192, got 8"),
        (["camera.K=[600,600,900,60]"], "cx must lie between -0.5 and 639.5, got 900"),
        (["camera.K=[600,600,320,-1]"], "cy must lie between -0.5 and 479.5, got -1"),
        # The centre of an image twice as large, which is the edge of this one.
        (["camera.K=[1200,1200,639.5,479.5]"], "cx must lie between -0.5 and 639.5"),
        (["camera.K=[-600,600,320,240]"], "camera.K must have fx > 0 and fy > 0, got -600, 600"),
        (["camera.K=[600,0,320,240]"], "camera.K must have fx > 0 and fy > 0"),
        (["camera.K=[4.5,4.5,320,240]"], "Focal lengths are in pixels, not in millimetres"),
        (["camera.K=[600,4.5,320,240]"], "fy must give a field of view of 0.5 to 150 degrees"),
        (["camera.K=[900000,900000,320,240]"], "fx must give a field of view of 0.5 to 150"),
        (["camera.K=[600,1,320,0,600,240,0,0,1]"], "without skew"),
        (["camera.K=[600,600,320]"], "camera.K must be a list of 4 or 9 numbers"),
        (["camera.K=[600,600,nan,240]"], "camera.K.2 must be a finite number"),
        (["camera.K=[600,600,[uniform,300,700],240]"], "got 300 to 700"),
        (["camera.K=[600,600,400,240]", "camera.size_wh=[[levels,320,640],480]"], "cx must lie"),
        (["lighting=mixture", "lighting.preset=candle"], "lighting.preset must name"),
        (["lighting=mixture", "lighting.preset=[choice,mixture]"], "other than mixture"),
        (["lighting=mixture", "lighting.preset=[uniform,0,1]"], "must be drawn with choice"),
        (["lighting.count=from_preset"], "has a meaning in lighting=mixture alone"),
        (["+lighting.tilt=3"], "lighting.tilt must be a leaf of lighting"),
        (["~lighting.count"], "lighting.count must be set"),
        (["background.photo=dsk"], "background.photo must match one of the backgrounds"),
        (["objects.model=washer"], "objects.model must match one of the models"),
        (["objects.count=0"], "objects.count must lie in 1 to 2000, got 0"),
    ],
)
def test_rules_between_leaves_are_told(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        space_of(composed(*overrides))

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["scale=distance", "scale.distance_m=null", "scale.size_px=100"],
        ["scale.size_px=[choice,90,160]", "scale.size_frac=null"],
        ["camera.K=[600,600,319.5,239.5]", "camera.fov_deg=null"],
        ["camera.K=[600,0,319.5,0,600,239.5,0,0,1]"],
        ["camera.K=[600,600,10,400]"],
        ["background=color", "background.photo=no_such_photo"],
    ],
)
def test_what_is_right_is_taken(overrides: list[str]) -> None:
    space_of(composed(*overrides)).draw(0)


@pytest.mark.parametrize("group", [None, "studio", 3])
def test_a_group_is_a_mapping(plain: dict[str, Any], group: Any) -> None:
    with pytest.raises(ConfigError, match="lighting must be a preset of its group, got"):
        space_of(plain | {"lighting": group})


def test_groups_are_known() -> None:
    with pytest.raises(ConfigError, match="light must be a group of θ; did you mean lighting"):
        ThetaSpace.build({"light": {}}, seed=0, sampling="random", catalogs={})


def test_sampling_is_one_of_five(plain: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="sampling must be one of random, sobol, lhs, grid, s"):
        space_of(plain, sampling="halton")


def test_a_frame_without_targets_has_bodies_for_the_occlusion_that_is_asked() -> None:
    """They are placed about the target that is not shown."""
    theta = space_of(composed("occlusion=occluded"), negatives_fract=1.0).draw(3)

    assert theta.objects.count == 0
    assert theta.occlusion.occluded_fract
    assert len(theta.occlusion.by) == 6
