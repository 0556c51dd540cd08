"""Class balance and negatives: decided by the frame's index alone."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

from render.build import build
from render.sampling.balance import Balance, WholeDataset
from render.sampling.space import ThetaSpace
from tests.spaces import CATEGORIES, composed, space_of


def counts_of(space: ThetaSpace, n_frames: int) -> Counter[str]:
    """Targets of each model."""
    thetas = (space.draw(i) for i in range(n_frames))
    return Counter(name for t in thetas for name in t.objects.model[: t.objects.count])


def test_categories_come_equally_often_over_the_starter_set() -> None:
    plan = build(composed("objects.count=[integers,1,6]"), check_assets=False)
    counts = counts_of(plan.space, 1000)
    even = counts.total() / len(counts)

    assert len(counts) == 13
    assert all(abs(n - even) <= 0.05 * even for n in counts.values())


def test_a_category_of_many_models_weighs_no_more_than_one_of_one() -> None:
    counts = counts_of(space_of(composed(), balance=True), 1200)
    by_category: Counter[str] = Counter()
    for name, n in counts.items():
        by_category[CATEGORIES[name]] += n

    assert by_category["mug"] == pytest.approx(by_category["fasteners"], rel=0.05)
    assert counts["fasteners/bolt.obj"] == pytest.approx(counts["fasteners/nut.obj"], rel=0.05)


def test_asked_weights_are_met() -> None:
    config = composed("objects.model=[choice,{*bolt*:0.7,*nut*:0.2,mug.glb:0.1}]")
    counts = counts_of(space_of(config, balance=True), 1500)
    shares = {name: n / counts.total() for name, n in counts.items()}

    assert shares["fasteners/bolt.obj"] == pytest.approx(0.7, rel=0.05)
    assert shares["fasteners/nut.obj"] == pytest.approx(0.2, rel=0.05)
    assert shares["mug.glb"] == pytest.approx(0.1, rel=0.05)


def test_models_stand_together_by_chance() -> None:
    """No pair of models is left out or preferred, though each alone comes evenly."""
    space = space_of(composed("objects.count=2"), balance=True)
    n = 3000
    pairs = Counter(space.draw(i).objects.model for i in range(n))

    names = tuple(CATEGORIES)
    share = {"fasteners/bolt.obj": 0.25, "fasteners/nut.obj": 0.25, "mug.glb": 0.5}
    for pair in itertools.product(names, repeat=2):
        expected = n * share[pair[0]] * share[pair[1]]
        assert pairs[pair] == pytest.approx(expected, abs=5 * math.sqrt(expected))


def test_a_frame_that_is_drawn_again_keeps_its_models_and_any_frame_can_be_drawn_alone() -> None:
    config = composed("objects=mixture", "objects.count=[integers,1,9]")
    first = space_of(config, balance=True)
    in_order = [first.draw(i) for i in range(40)]
    alone = space_of(config, balance=True)

    assert alone.draw(39) == in_order[39]
    again = first.draw(17, attempt=5)
    assert again.objects.model == in_order[17].objects.model
    assert again.viewpoint != in_order[17].viewpoint


def test_targets_of_all_earlier_frames_are_counted_wherever_one_begins() -> None:
    words = ("objects=mixture", "objects.count=[integers,1,9]")
    in_order = space_of(composed(*words), balance=True, negatives_fract=0.1)
    counts = [in_order.draw(i).objects.count for i in range(2600)]
    began_late = space_of(composed(*words), balance=True, negatives_fract=0.1).balance
    assert began_late is not None

    for frame_idx in (2599, 1024, 2048, 3, 1023, 0, 2049):
        n = sum(counts[:frame_idx])
        # All of the earlier targets stand in one frame here, so that nothing is summed.
        alone = Balance(began_late.seed, lambda frames, n=n: [n for _ in frames])  # type: ignore[misc]
        assert began_late.u(frame_idx, 2) == alone.u(1, 2)


@pytest.mark.parametrize("fract", [0.0, 0.1, 0.37, 1.0])
@pytest.mark.parametrize("val_fraction", [0.0, 0.2, 0.25])
def test_each_split_has_its_share_of_negatives(fract: float, val_fraction: float) -> None:
    n = 2000
    whole = WholeDataset(negatives_fract=fract, val_fraction=val_fraction)
    found = [whole.is_negative(i) for i in range(n)]
    is_val = [math.floor((i + 1) * val_fraction) > math.floor(i * val_fraction) for i in range(n)]
    for split in (True, False):
        members = [negative for negative, val in zip(found, is_val, strict=True) if val == split]
        assert abs(sum(members) - fract * len(members)) <= 1


def test_negative_frames_show_no_target_and_count_none() -> None:
    space = space_of(composed("objects.count=3"), balance=True, negatives_fract=0.25)
    counts = [space.draw(i).objects.count for i in range(400)]

    assert Counter(counts) == {0: 100, 3: 300}
    # One is placed all the same, unseen: the camera and the distractors stand about it.
    assert all(len(space.draw(i).objects.model) == max(counts[i], 1) for i in range(12))
