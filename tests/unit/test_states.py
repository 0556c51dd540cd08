"""States of models: as side files declare them, as categories, and as poses are drawn to show."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from render.build import build
from render.errors import AssetError, ConfigError
from render.geometry.states import States, WantedState
from render.library.models import ModelLibrary
from render.placement.orientation import draw_rotation
from render.placement.states import state_remarks
from render.plan import Plan
from tests.spaces import composed

ROOT = Path(__file__).resolve().parents[2]
DIE = {
    "one": {"up": [0, 1, 0]}, "two": {"up": [1, 0, 0]}, "three": {"up": [0, 0, -1]},
    "four": {"up": [0, 0, 1]}, "five": {"up": [-1, 0, 0]}, "six": {"up": [0, -1, 0]},
}  # fmt: skip
UP = {"up": [0, 0, 3]}
# Of bracket.obj with its material and side file, from before side files declared states.
BRACKET = "bb75450411777ac206ac612926c72015e24bc862a60c4a3057b1fd02e0a40ea4"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A die, a second die that lacks a state, a coin and a rod without states."""
    for name in ("die", "red/die"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "assets/models/die.glb", tmp_path / f"{name}.glb")
        declare(tmp_path / f"{name}.yaml", states=DIE)
    trimesh.creation.box((0.03, 0.03, 0.002)).export(tmp_path / "coin.stl")
    declare(tmp_path / "coin.yaml", unit="m", states={"tails": {"up": [0, 0, -2]}, "heads": UP})
    trimesh.creation.cylinder(0.01, 0.1).export(tmp_path / "rod.stl")
    declare(tmp_path / "rod.yaml", unit="m")
    return tmp_path


def declare(path: Path, **said: object) -> None:
    path.write_text(yaml.safe_dump(said, sort_keys=False))


def plan_of(folder: Path, *words: str, check: bool = True) -> Plan:
    tolerance = () if any("tolerance" in w for w in words) else ("labels.state_tolerance_deg=30",)
    config = composed(
        f"assets.models_dir={folder}", "engine=cpu", "labels.category=state", *tolerance, *words
    )
    return build(config, check_assets=check)


turns = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(random_state=seed))


@settings(max_examples=60, deadline=None)
@given(pose=turns, reference=turns)
def test_a_reference_pose_is_compared_up_to_a_turn_about_the_vertical(
    pose: Rotation, reference: Rotation
) -> None:
    states = States.of({"it": [tuple(reference.as_matrix()[2].tolist())]})
    name, off_deg = states.shown(pose.as_matrix())

    turned = Rotation.from_euler("z", np.arange(0, 360, 0.05)[:, None], degrees=True) * reference
    least_deg = math.degrees((turned * pose.inv()).magnitude().min())
    assert name == "it"
    # A grid of turns misses the nearest by half a step, which matters near 0 alone.
    assert off_deg <= least_deg + 1e-9
    assert off_deg == pytest.approx(least_deg, abs=0.03)


def test_directions_and_reference_poses_say_the_same(folder: Path) -> None:
    R = Rotation.from_euler("xyz", [20, -75, 130], degrees=True).as_matrix()
    for name, state in {
        "coin": {"R_world_obj": R.round(4).ravel().tolist()},
        "rod": {"up": [(5 * R[2]).tolist(), [0, 0, -7]]},
    }.items():
        declare(folder / f"{name}.yaml", unit="m", states={"so": state})
    library = ModelLibrary(folder)
    coin, rod = library.states("coin.stl"), library.states("rod.stl")

    assert coin is not None
    assert rod is not None
    np.testing.assert_allclose(coin.ups, R[2][None], atol=2e-4)
    np.testing.assert_allclose(rod.ups, [R[2], [0, 0, -1]], atol=1e-12)
    assert ("so", pytest.approx(0, abs=1e-5)) == rod.shown(np.diag([1.0, -1.0, -1.0]))


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ({}, "states must map names to {up: [x, y, z]}"),
        (["one"], "states must map names to {up: [x, y, z]}"),
        ({"one": [0, 0, 1]}, "states.one must be {up: [x, y, z]}"),
        ({"one": {}}, "states.one must be {up: [x, y, z]}"),
        ({"one": {"upp": [0, 0, 1]}}, "states.one must be {up: [x, y, z]}"),
        ({"one": {"up": [0, 0, 1], "R_world_obj": [1, 0, 0, 0, 1, 0, 0, 0, 1]}}, "states.one must"),
        ({"one": {"up": [0, 0, 0]}}, "states.one.up must be [x, y, z] with a length, got [0, 0, 0"),
        ({"one": {"up": [0, 1]}}, "states.one.up must be [x, y, z] with a length, got [0, 1]"),
        ({"one": {"up": []}}, "states.one.up must be [x, y, z] with a length, got []"),
        ({"one": {"up": None}}, "states.one.up must be [x, y, z] with a length, got None"),
        ({"one": {"up": "z"}}, "states.one.up must be [x, y, z] with a length, got 'z'"),
        ({"one": {"up": [[0, 0, 1], [0, 0]]}}, "states.one.up must be [x, y, z] with a length"),
        ({"one": {"up": [0, 0, True]}}, "states.one.up must be [x, y, z] with a length"),
        ({"one": {"R_world_obj": [1, 0, 0, 0, 1, 0, 0, 0]}}, "states.one.R_world_obj must be the"),
        ({"one": {"R_world_obj": [1, 0, 0, 0, 1, 0, 0, 0, -1]}}, "must be the 9 numbers of a rot"),
        ({1: {"up": [0, 0, 1]}}, "states must each be a name, got 1: quote it"),
        (
            {"one": {"up": [0, 0, 1]}, "two": {"up": [0, 0.01, 1]}},
            "states must be at least 1 degree apart, got 0.57 between states.one and states.two",
        ),
        (
            {"a": {"up": [[1, 0, 0], [0, 0, 1]]}, "b": {"up": [[0, 1, 0], [0, 0, 9]]}},
            "states must be at least 1 degree apart, got 0 between states.a and states.b",
        ),
    ],
)
def test_a_mistake_in_states_is_told(folder: Path, states: object, reason: str) -> None:
    declare(folder / "coin.yaml", unit="m", states=states)

    with pytest.raises(AssetError) as told:
        ModelLibrary(folder).check_all()
    assert "coin" in str(told.value)
    assert reason in told.value.reason


def test_categories_are_states_in_the_order_of_declaration_then_other_models(folder: Path) -> None:
    plan = plan_of(folder)

    # By name of file: coin, die, red/die, rod; states that two models share stand once.
    states = ("tails", "heads", "one", "two", "three", "four", "five", "six")
    assert (*states, "rod") == plan.categories
    assert ("die.glb", "red/die.glb") == plan.target_categories.models_of["six"]


def test_categories_have_the_order_that_is_asked_for(folder: Path) -> None:
    states = plan_of(folder, "models=[coin,rod]", "labels.categories=[rod,heads,tails]")
    config = composed(
        f"assets.models_dir={folder}", "engine=cpu", "labels.categories=[rod,red,die,coin]"
    )

    assert ("rod", "heads", "tails") == states.categories
    assert ("rod", "red", "die", "coin") == build(config).categories


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["labels.categories=[heads,tails,rod,cup]"], "got cup; there are tails, heads, rod"),
        (["labels.categories=[heads]"], "labels.categories must name each category once, and lac"),
        (["labels.categories=[heads,rod]"], "and lacks tails"),
        (["labels.categories=[heads,tails,rod,heads]"], "got heads more than once"),
        (["labels.category=class"], "labels.category must be one of model, state, got 'class'"),
        (["labels.state_tolerance_deg=-1"], "labels.state_tolerance_deg must be a number from 0"),
        (["labels.category=model"], "labels.state_tolerance_deg must be null where labels.catego"),
        (["models=[rod]"], "labels.category must be model where no model of `models` declares st"),
    ],
)
def test_a_mistake_in_labels_is_told(folder: Path, words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as told:
        plan_of(folder, "models=[coin,rod]", *words)
    assert message in str(told.value)


def without_six(folder: Path) -> None:
    declare(folder / "die.yaml", states={k: v for k, v in DIE.items() if k != "six"})


def half_turn(folder: Path) -> None:
    half = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]
    said = yaml.safe_load((folder / "die.yaml").read_text())
    declare(folder / "die.yaml", **said, symmetries={"discrete": [half]})


def aside(folder: Path) -> None:
    declare(folder / "die.yaml", states={"tip": {"up": [1, 1, 1]}})


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        (without_six, ["labels.state_tolerance_deg=null"], "with [0, -1, 0] up is as near to two"),
        (half_turn, [], "states of die.glb must not look alike, and by its symmetries one with"),
        (
            aside,
            [],
            "labels.state_tolerance_deg must leave die.glb a pose in which it rests, got 3",
        ),
    ],
)
def test_states_that_do_not_tell_poses_apart_are_refused(
    folder: Path, change: Callable[[Path], None], words: list[str], message: str
) -> None:
    change(folder)

    with pytest.raises(ConfigError) as told:
        plan_of(folder, "models=[die]", *words)
    assert message in str(told.value)


def test_poses_that_a_tolerance_leaves_out_are_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    without_six(folder)
    plan_of(folder, "models=[die]")

    assert "labels.state_tolerance_deg=30 leaves 17 % of the poses in which die.glb" in caplog.text
    # The up axis of the file is up: one, which is declared, is all there is.
    caplog.clear()
    upright = ["objects.orientation=upright", "labels.state_tolerance_deg=null"]
    plan_of(folder, "models=[die]", *upright)
    assert not caplog.text


def test_a_pile_cannot_be_balanced_and_says_so(folder: Path) -> None:
    for words, said in {("balance=true",): 1, ("balance=false",): 0}.items():
        plan = plan_of(folder, "models=[die]", "objects=pile", *words, check=False)
        told = [
            *state_remarks(
                plan.target_categories.states, plan.assets.models, plan.space, tolerance_deg=None
            )
        ]

        assert said == len(told)
        assert all("objects.arrangement=pile does: they come as often as" in t for t in told)


@pytest.mark.parametrize("count", ["3", "[integers,1,6]"])
def test_states_come_equally_often(folder: Path, count: str) -> None:
    """Of two dice that share two states and a coin, each of the eight, and the rod's category."""
    declare(folder / "red/die.yaml", states={name: DIE[name] for name in ("two", "one")})
    space = plan_of(folder, f"objects.count={count}", check=False).space
    counts: Counter[str] = Counter()
    for i in range(1200):
        theta = space.draw(i)
        for model, state in zip(theta.objects.model, space.states(theta, i), strict=True):
            counts[state or model] += 1
    even = counts.total() / 9

    assert len(counts) == 9
    assert all(abs(n - even) <= 0.05 * even for n in counts.values()), counts


def test_without_balance_or_where_the_up_axis_is_always_up_nothing_is_chosen(folder: Path) -> None:
    for word in ("balance=false", "objects.orientation=[choice,upright,fixed]"):
        space = plan_of(folder, "models=[die]", word, check=False).space
        assert {""} == set(space.states(space.draw(0), 0)), word


@pytest.mark.parametrize("orientation", ["so3", "stable", "upright"])
def test_what_is_drawn_shows_the_state_that_is_wanted(folder: Path, orientation: str) -> None:
    library = ModelLibrary(folder, include=["die"])
    model, states = library.load("die.glb"), States.of({k: [v["up"]] for k, v in DIE.items()})
    rng = np.random.default_rng(3)
    for name, said in DIE.items():
        wanted = WantedState(states=states, name=name)
        Rs = np.array([draw_rotation(orientation, model, rng, wanted) for _ in range(300)])
        heights = Rs[:, 2] @ np.array(list(v["up"] for v in DIE.values())).T
        off = np.degrees(np.arccos(np.clip(Rs[:, 2] @ said["up"], -1, 1)))

        assert np.abs(Rs @ Rs.transpose(0, 2, 1) - np.eye(3)).max() < 1e-9
        assert (heights.argmax(axis=1) == list(DIE).index(name)).all()
        # Of the face of a cube, seen from its centre, a share of 0.598 lies beyond 30 degrees.
        expected = 0.6 if orientation == "so3" else 0
        assert np.mean(off > 30) == pytest.approx(expected, abs=0.12)
        across = int(np.abs(said["up"]).argmin())  # an axis of the file that lies flat
        yaws = np.degrees(np.arctan2(Rs[:, 1, across], Rs[:, 0, across]))
        assert np.histogram(yaws, 4, (-180, 180))[0].min() > 30


def test_a_side_file_without_states_leaves_the_hash_as_it_was() -> None:
    sha256 = ModelLibrary(ROOT / "assets/models", include=["bracket"]).sha256("bracket.obj")

    assert BRACKET == sha256
