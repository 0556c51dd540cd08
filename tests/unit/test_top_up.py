"""Frames for thin bins: how they are shared out, drawn and written down."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import yaml

from render.errors import ConfigError
from render.job.top_up import fill, prepare
from render.report.coverage import Coverage
from render.sampling.axes import Axis, axes_of, finder
from render.sampling.balance import WholeDataset
from render.sampling.sequences import LatinHypercube, Random
from render.sampling.top_up import ToppedUp, TopUp, TopUpBin, top_ups_of
from tests.spaces import composed, space_of

AZIMUTH = "viewpoint.azimuth_deg"
ENTRY = TopUp(
    first_frame=10,
    seed=5,
    leaves=(AZIMUTH, "scale.size_frac"),
    bins=(
        TopUpBin(frames=3, u=((0.25, 0.375), (0.0, 0.25))),
        TopUpBin(frames=1, u=((0.5, 0.625), (0.75, 1.0))),
    ),
)


def axes() -> tuple[Axis, ...]:
    """Azimuth in eight bins, size in four."""
    return axes_of(finder(composed("viewpoint.elevation_deg=30")))


def test_new_frames_go_to_the_thinnest_bins_until_they_are_level() -> None:
    counts = np.full((8, 4), 12)
    counts[2, 1], counts[5, 3], counts[7, 0] = 0, 3, 4
    coverage = Coverage(axes=axes(), counts=counts, n_left_out=0)

    added = fill(coverage, first_frame=50, n_frames=6, seed=1)

    assert coverage.thin() == [(2, 1), (5, 3), (7, 0)]
    assert [b.frames for b in added.bins] == [5, 1]
    assert added.bins[0].u == ((0.25, 0.375), (0.25, 0.5))
    assert (added.first_frame, added.n_frames, added.end) == (50, 6, 56)
    assert [b.frames for b in fill(coverage, first_frame=0, n_frames=20, seed=1).bins] == [9, 6, 5]


@pytest.mark.parametrize("frame", range(8, 16))
def test_frames_are_held_in_their_bin_by_their_index(frame: int) -> None:
    base = LatinHypercube(5)
    sequence = ToppedUp(base, (ENTRY,))
    idx = {10: 0, 11: 0, 12: 0, 13: 1}.get(frame)

    for attempt in range(25):
        for name, i in ((AZIMUTH, 0), ("scale.size_frac", 1)):
            u = sequence.u(frame, name, attempt)
            if idx is None:
                assert u == base.u(frame, name, attempt)
            else:
                lo, hi = ENTRY.bins[idx].u[i]
                assert lo <= u < hi
                assert u == sequence.u_level(frame, name, attempt)
        assert sequence.u(frame, "sensor.noise", attempt) == base.u(frame, "sensor.noise", attempt)
        assert sequence.u(frame, AZIMUTH, attempt, 2) == base.u(frame, AZIMUTH, attempt, 2)


def test_a_bin_that_cannot_be_realised_gives_way_and_at_last_any_draw_will_do() -> None:
    base = Random(5)
    sequence = ToppedUp(base, (ENTRY,))

    assert all(0.5 <= sequence.u(10, AZIMUTH, attempt) < 0.625 for attempt in range(25, 50))
    assert all(0.25 <= sequence.u(10, AZIMUTH, attempt) < 0.375 for attempt in range(50, 75))
    assert all(sequence.u(10, AZIMUTH, a) == base.u(10, AZIMUTH, a) for a in range(75, 100))


def test_entries_survive_both_files() -> None:
    later = TopUp(first_frame=20, seed=0, leaves=(AZIMUTH,),
                  bins=(TopUpBin(frames=2, u=((1 / 3, 2 / 3),)),))  # fmt: skip
    entries = [ENTRY.as_dict(), later.as_dict()]

    assert top_ups_of(json.loads(json.dumps(entries))) == (ENTRY, later)
    assert top_ups_of(yaml.safe_load(yaml.safe_dump(entries))) == (ENTRY, later)
    assert top_ups_of([]) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_frames": 5}, "n_frames are those of its bins"),
        ({"bins": []}, "n_frames are those of its bins"),
        ({"first_frame": -1}, "numbers of frames"),
        ({"leaves": [AZIMUTH]}, "numbers of frames and of leaves"),
        ({"bins": [{"frames": 4, "u": [[0.5, 0.2], [0, 1]]}]}, "u lies in 0 to 1"),
        ({"bins": [{"frames": 4, "u": [[0.5], [0, 1]]}]}, "ValueError"),
        ({"seed": None}, "TypeError"),
    ],
)
def test_torn_entries_are_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        top_ups_of([{**ENTRY.as_dict(), **change}])


@pytest.mark.parametrize("entries", [None, "x", 3, [3], [{}], [ENTRY.as_dict()] * 2])
def test_what_is_no_list_of_entries_is_told(entries: Any) -> None:
    with pytest.raises(ConfigError, match="top_ups must"):
        top_ups_of(entries)


def test_the_other_frames_of_a_space_are_as_before_and_the_new_ones_show_targets() -> None:
    config = composed()
    plain = space_of(config, negatives_fract=0.5)
    topped = space_of(config, negatives_fract=0.5, top_ups=(ENTRY,))

    for frame in (0, 9, 14, 15, 30):
        assert topped.draw(frame) == plain.draw(frame)
    for frame in range(10, 14):
        theta = topped.draw(frame)
        assert theta.objects.count > 0
        assert theta.lighting == plain.draw(frame).lighting
        assert (90 <= theta.viewpoint.azimuth_deg < 135) == (frame < 13)
    assert WholeDataset(negatives_fract=1, top_ups=(ENTRY,)).is_negative(9)
    assert not WholeDataset(negatives_fract=1, top_ups=(ENTRY,)).is_negative(13)


@pytest.mark.parametrize(
    ("overrides", "config", "message"),
    [
        (["top_up=d", "lighting=sun", "+x=1"], {"top_up": "d"},
         "top_up must stand with n_frames, plugins, workers, .*, log alone.*got lighting, x"),
        (["top_up=3"], {"top_up": 3}, "top_up must be the folder of a dataset, got 3"),
        (["top_up=."], {"top_up": ".", "n_frames": 0}, "n_frames must be a whole number from 1"),
        (["top_up=nope"], {"top_up": "nope"}, "top_up must be the folder of a dataset, got nope"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_told(
    overrides: list[str], config: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare({"n_frames": 10, "workers": "auto", **config}, overrides)
