"""From config values to distributions, and what is said of those that are wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from render.errors import ConfigError
from render.sampling.arguments import show
from render.sampling.distribution import Vector
from render.sampling.distributions.choice import Choice
from render.sampling.distributions.constant import Constant
from render.sampling.distributions.integers import Integers
from render.sampling.distributions.levels import Levels
from render.sampling.distributions.uniform import Uniform
from render.sampling.parse import parse
from render.sampling.schema import Leaf

NUMBER = Leaf(kind="number", lo=0, hi=10)
NULLABLE = Leaf(kind="number", lo=0, hi=500, nullable=True)
WHOLE = Leaf(kind="integer", lo=0, hi=10)
WORD = Leaf(kind="choice", options=("so3", "upright", "stable"))
FLAG = Leaf(kind="flag")
COLOR = Leaf(kind="vector", length=(3,), lo=0, hi=255)
FILE = Leaf(kind="pattern", catalog="models")
CATALOG = ("fasteners/bolt.obj", "fasteners/nut.obj", "mug.glb")


@pytest.mark.parametrize(
    ("value", "leaf", "wanted"),
    [
        (3, NUMBER, Constant(3.0)),
        (3, WHOLE, Constant(3)),
        (None, NULLABLE, Constant(None)),
        (True, FLAG, Constant(True)),
        ("so3", WORD, Constant("so3")),
        ([1, 2, 3], COLOR, Constant((1.0, 2.0, 3.0))),
        (["uniform", 1, 2], NUMBER, Uniform(1.0, 2.0)),
        (["integers", 1, 2], WHOLE, Integers(1, 2)),
        (["integers", 1, 2], NUMBER, Integers(1, 2)),
        (["choice", 1, None], NULLABLE, Choice((1.0, None), (1.0, 1.0))),
        (["levels", 1, 2], NUMBER, Levels((1.0, 2.0))),
        (["choice", {"so3": 3, "stable": 1}], WORD, Choice(("so3", "stable"), (3.0, 1.0))),
        (["choice", {True: 1, False: 2}], FLAG, Choice((False, True), (2.0, 1.0))),
        (["choice", {0.5: 1, 2: 3}], NUMBER, Choice((0.5, 2.0), (1.0, 3.0))),
        (["choice", {"null": 1, 100: 3}], NULLABLE, Choice((100.0, None), (3.0, 1.0))),
        ([["uniform", 1, 2], 5, 6], COLOR, Vector((Uniform(1, 2), Constant(5.0), Constant(6.0)))),
        (["choice", [1, 2, 3]], COLOR, Choice(((1.0, 2.0, 3.0),), (1.0,))),
        ("bolt", FILE, Constant("fasteners/bolt.obj")),
        ("mug.glb", FILE, Constant("mug.glb")),
        (["levels", "fasteners/*"], FILE, Levels(CATALOG[:2])),
    ],
)
def test_values_are_read(value: Any, leaf: Leaf, wanted: Any) -> None:
    assert wanted == parse(value, leaf, "x", catalog=CATALOG)


@pytest.mark.parametrize(
    ("value", "leaf"),
    [
        (["choice", {True: 1, False: 2}], FLAG),
        (["choice", {0.5: 1, 2: 3}], NUMBER),
        (["choice", {2: 1, 10: 3}], WHOLE),
        (["choice", {"stable": 1, "so3": 3}], WORD),
    ],
)
def test_weights_mean_the_same_after_a_trip_through_json(value: Any, leaf: Leaf) -> None:
    stored = json.loads(json.dumps(value, sort_keys=True))

    assert parse(value, leaf, "x") == parse(stored, leaf, "x")


def test_a_glob_shares_its_weight_evenly() -> None:
    found = parse(["choice", {"fasteners/*": 0.5, "mug": 0.5}], FILE, "x", catalog=CATALOG)

    assert isinstance(found, Choice)
    shares = dict(zip(found.values, found.weights, strict=True))
    assert {CATALOG[0]: 0.25, CATALOG[1]: 0.25, CATALOG[2]: 0.5} == shares


def test_overlapping_globs_add_up() -> None:
    found = parse(["choice", "*", "mug"], FILE, "x", catalog=CATALOG)

    assert isinstance(found, Choice)
    shares = dict(zip(found.values, found.weights, strict=True))
    assert shares["mug.glb"] == pytest.approx(4 / 3)


def test_a_file_that_is_not_needed_need_not_exist() -> None:
    assert Constant("") == parse("*", FILE, "x", catalog=(), required=False)


BAD = [
    (["uniform", 3, 2], NUMBER, "x must have lo <= hi, got [uniform, 3, 2]"),
    (["uniform", float("nan"), 2], NUMBER, "x must have finite numbers after uniform"),
    (["uniform", 0, float("inf")], NUMBER, "x must have finite numbers after uniform"),
    (["uniform", "a", 2], NUMBER, "x must have finite numbers after uniform"),
    (["uniform", True, 2], NUMBER, "x must have finite numbers after uniform"),
    (["uniform", None, 2], NUMBER, "x must have finite numbers after uniform"),
    (["uniform", 1], NUMBER, "x must be written [uniform, lo, hi], got [uniform, 1]"),
    (["uniform", 1, 2, 3], NUMBER, "x must be written [uniform, lo, hi]"),
    (["normal", 1, 2], NUMBER, "x must be written [normal, mean, std, lo, hi]"),
    (["normal", 1, -2, 0, 3], NUMBER, "x must have std > 0"),
    (["log_uniform", 0, 2], NUMBER, "x must have lo > 0"),
    (["beta", 0, 2, 0, 1], NUMBER, "x must have a > 0 and b > 0"),
    (["sin_uniform", 0, 95], Leaf(kind="number", hi=360), "x must stay in -90 to 90 degrees"),
    (["integers", 0.5, 2], NUMBER, "x must have whole numbers after integers"),
    (["uniform", 0, 11], NUMBER, "x must lie in 0 to 10, got [uniform, 0, 11]"),
    (["uniform", -1, 1], NUMBER, "x must lie in 0 to 10"),
    (["levels", 1, 11], NUMBER, "x must lie in 0 to 10"),
    (["choice", {1: 1, 11: 0}], NUMBER, "x must lie in 0 to 10"),
    (["unifrom", 0, 1], NUMBER, "did you mean uniform"),
    (["gaussian", 0, 1], NUMBER, "x must be a value or a list that begins with one of beta"),
    ([], NUMBER, "x must be a value or a list that begins with one of beta"),
    ([1, 2], NUMBER, "x must be a value or a list that begins with one of beta"),
    ({"uniform": [0, 1]}, NUMBER, "x must be a value or a list that begins with one of beta"),
    ({"so3": 0.5}, WORD, "x must be a value or a list that begins with one of choice"),
    (["choice"], NUMBER, "x must have at least one value after choice"),
    (["choice", {}], NUMBER, "x must have at least one value after choice"),
    (["levels"], NUMBER, "x must have at least one value after levels"),
    (["choice", {1: -1, 2: 2}], NUMBER, "x must have no negative weight"),
    (["choice", {1: 0, 2: 0}], NUMBER, "x must have a weight above 0, got [choice, {1: 0, 2: 0}]"),
    (["choice", {1: float("nan")}], NUMBER, "x must have finite numbers as weights"),
    (["choice", {1: "much"}], NUMBER, "x must have finite numbers as weights"),
    (["choice", {1: 1}, 2], NUMBER, "x must be written [choice, a, b] or [choice, {a: 0.7"),
    (["levels", {1: 1}], NUMBER, "x must be written [levels, a, b]"),
    (["choice", "a", "b"], NUMBER, "x must be a finite number, got [choice, a, b]"),
    ("big", NUMBER, "x must be a finite number, got big"),
    (float("nan"), NUMBER, "x must be a finite number"),
    (float("inf"), NUMBER, "x must be a finite number"),
    (True, NUMBER, "x must be a finite number, got true"),
    (None, NUMBER, "x must not be null"),
    (["choice", 1, None], NUMBER, "x must not be null"),
    (11, NUMBER, "x must lie in 0 to 10, got 11"),
    (2.5, WHOLE, "x must be a whole number, got 2.5"),
    (["uniform", 1, 2], WHOLE, "x must be drawn with choice or integers or levels"),
    ("sideways", WORD, "x must be one of so3, upright, stable, got sideways"),
    ("uprigth", WORD, "did you mean upright?"),
    (["so3", "stable"], WORD, "to draw one of several, write [choice, a, b]"),
    (["uniform", 0, 1], WORD, "x must be drawn with choice or levels"),
    (["choice", {"so3": -1, "stable": 2}], WORD, "x must have no negative weight"),
    (["choice", {"so3": 0, "stable": 0}], WORD, "x must have a weight above 0"),
    (3, WORD, "x must be one of so3, upright, stable, got 3"),
    ("yes", FLAG, "x must be true or false, got yes"),
    (1, FLAG, "x must be true or false, got 1"),
    (5, COLOR, "x must be a list of 3 numbers, got 5"),
    ([1, 2], COLOR, "x must be a list of 3 numbers or distributions, got [1, 2]"),
    ([1, 2, 256], COLOR, "x[2] must lie in 0 to 255, got 256"),
    ([1, ["uniform", 2, 1], 3], COLOR, "x[1] must have lo <= hi"),
    (["uniform", 0, 255], COLOR, "each component can have its own"),
    (["choice", [1, 2]], COLOR, "x must be a list of 3 numbers"),
    ("washer", FILE, "x must match one of the models, got washer"),
    ("blot", FILE, "there are: fasteners/bolt.obj"),
    (3, FILE, "x must be a name, got 3"),
    ("", FILE, "x must be a name, got ''"),
]


@pytest.mark.parametrize(("value", "leaf", "message"), BAD, ids=lambda v: str(v)[:40])
def test_what_is_wrong_is_said(value: Any, leaf: Leaf, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(value, leaf, "x", catalog=CATALOG)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_files_at_all_is_said() -> None:
    with pytest.raises(ConfigError, match="models_dir holds none that can be read"):
        parse("*", FILE, "objects.model", catalog=())


def test_values_are_shown_as_in_yaml() -> None:
    assert show(["choice", {"a": 0.5}, None, True, ""]) == "[choice, {a: 0.5}, null, true, '']"
