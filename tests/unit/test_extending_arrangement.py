"""The arrangement of docs/extending.md as it stands there, bad ones, and one file for each."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import render
from render.errors import ConfigError, DatasetError, RejectedTheta
from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.context import PlacementContext
from render.placement.stage import Stage
from render.plan import Plan
from render.report.verify.dataset import verify
from render.theta import Placement
from tests.conftest import ROOT

WORDS = ("plugins=[ring_arrangement]", "objects=ring", "camera.size_wh=[160,120]", "workers=1")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrangements that a test registers are forgotten afterwards."""
    assert "surface" in ARRANGEMENTS  # reads those of the package now
    monkeypatch.setattr(ARRANGEMENTS, "_classes", dict(ARRANGEMENTS._classes))


@pytest.fixture
def folder(tmp_path: Path, registered: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files of the page's section, from which Python imports."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    section = page.partition("## An arrangement\n")[2].partition("\n## ")[0]
    blocks = dict(re.findall(r"```(python|yaml)\n(.*?)```", section, flags=re.DOTALL))
    (tmp_path / "presets" / "objects").mkdir(parents=True)
    (tmp_path / "ring_arrangement.py").write_text(blocks["python"])
    (tmp_path / "presets" / "objects" / "ring.yaml").write_text(blocks["yaml"])
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("ring_arrangement", None)


def matrix(numbers: tuple[float, ...]) -> NDArray[np.float64]:
    side = 3 if len(numbers) == 9 else 4
    return np.array(numbers).reshape(side, side)


def vertices(plan: Plan, placement: Placement) -> list[NDArray[np.float64]]:
    """``(N, 3)`` vertices of each target in the world."""
    found = []
    for placed in placement.instances:
        if placed.role == "target":
            model = plan.assets.model(placed.model)
            points = placed.scale * np.concatenate([p.positions_m for p in model.primitives])
            T = matrix(placed.T_world_obj)
            found.append(points @ T[:3, :3].T + T[:3, 3])
    return found


def box_centers(plan: Plan, placement: Placement) -> NDArray[np.float64]:
    """``(n, 3)`` centre of each target's box in its own axes, in the world."""
    found = []
    for placed in placement.instances:
        if placed.role == "target":
            model = plan.assets.model(placed.model)
            points = placed.scale * np.concatenate([p.positions_m for p in model.primitives])
            middle = np.append((points.min(axis=0) + points.max(axis=0)) / 2, 1.0)
            found.append((matrix(placed.T_world_obj) @ middle)[:3])
    return np.array(found)


def test_targets_stand_in_a_ring(folder: Path) -> None:
    plan = render.compose(*WORDS, config_dir=folder / "presets")
    for frame_idx in range(6):
        theta, placement, _ = plan.draw(frame_idx)
        centers = box_centers(plan, placement)
        lowest = [float(points[:, 2].min()) for points in vertices(plan, placement)]

        assert len(centers) == theta.objects.count >= 5
        # Evenly on a circle, one after the other: one harmonic and no other.
        harmonics = np.abs(np.fft.fft(centers[:, 0] + 1j * centers[:, 1])) / len(centers)
        assert harmonics[1] > 0.01
        assert harmonics[2:].max() < 1e-9
        np.testing.assert_allclose(lowest, lowest[0], atol=1e-9)


def test_dataset_has_the_boxes_of_the_ring(folder: Path) -> None:
    plan = render.compose(
        *WORDS, "n_frames=2", "occlusion=none", "camera=default", config_dir=folder / "presets"
    )
    render.write(plan, folder / "dataset")
    n_checked = 0
    for frame in render.open(folder / "dataset").frames:
        placement = frame.placement
        T_cam_world = np.linalg.inv(matrix(placement.T_world_cam))
        for points, row in zip(vertices(plan, placement), frame.instances, strict=True):
            points_cam = points @ T_cam_world[:3, :3].T + T_cam_world[:3, 3]
            uvw = points_cam @ matrix(placement.K).T
            uv = uvw[:, :2] / uvw[:, 2:] + 0.5  # edge coordinates
            low, high = uv.min(axis=0), uv.max(axis=0)

            if (points_cam[:, 2] > placement.near_m).all():
                np.testing.assert_allclose(row["bbox_obj"], [*low, *(high - low)], atol=1e-3)
                n_checked += 1

    assert n_checked >= 8
    assert verify(folder / "dataset").findings.problems == 0

    del ARRANGEMENTS._classes["ring"]
    with pytest.raises(DatasetError, match=r"got ring.*\(it was made with plugins=\[ring_arr"):
        verify(folder / "dataset")


def test_calibrated_camera_is_refused_before_the_first_frame(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"objects\.arrangement=ring must not be used where camera\.T_world_cam"
    ):
        render.compose(
            *WORDS, "camera.T_world_cam=[1,0,0,0,0,-1,0,0,0,0,-1,0.6,0,0,0,1]",
            "objects.region_m=[-0.1,0.1,-0.1,0.1,0,0.1]", config_dir=folder / "presets",
        )  # fmt: skip


# Bad input.


def broken_plan(kind: type[AbstractArrangement]) -> Plan:
    ARRANGEMENTS.register("broken")(kind)
    return render.compose("objects.arrangement=broken", "objects.count=3")


def test_unknown_name_lists_those_there_are(registered: None) -> None:
    with pytest.raises(
        ConfigError,
        match=r"objects\.arrangement must be one of bin, conveyor, grid, pile, poses, scatter, "
        r"shelf, single, surface, tray, got surfaze; did you mean surface\?",
    ):
        render.compose("objects.arrangement=surfaze")


def test_one_that_raises_is_named(registered: None) -> None:
    class Broken(AbstractArrangement):
        """Raises."""

        def aimed(self, context: PlacementContext) -> Stage:
            return [context.aim()][context.n_targets]

    with pytest.raises(
        ConfigError,
        match=r"objects\.arrangement=broken \(.*Broken\) failed in frame 7: IndexError",
    ):
        broken_plan(Broken).draw(7)


def test_one_that_fails_in_prepare_is_named_before_the_first_frame(registered: None) -> None:
    class Broken(AbstractArrangement):
        """Raises."""

        def aimed(self, context: PlacementContext) -> Stage:
            raise RejectedTheta("never")

        def prepare(self, assets: object, n_frames: int) -> None:
            raise OSError("no such file")

    with pytest.raises(
        ConfigError, match=r"arrangement=broken \(.*\) failed before frame 0: OSError: no such file"
    ):
        broken_plan(Broken)


@pytest.mark.parametrize("n_placed", [0, 1])
def test_one_that_leaves_targets_without_a_pose_is_named(registered: None, n_placed: int) -> None:
    class Broken(AbstractArrangement):
        """Places too few."""

        def aimed(self, context: PlacementContext) -> Stage:
            stage = context.aim()
            del stage.placed.bodies[n_placed:]
            return stage

    with pytest.raises(
        ConfigError,
        match=rf"=broken \(.*Broken\) must place 3 targets in frame 0, got {n_placed} with a pose",
    ):
        broken_plan(Broken).draw(0)


def test_one_that_returns_nothing_is_named(registered: None) -> None:
    class Broken(AbstractArrangement):
        """Returns None."""

        def aimed(self, context: PlacementContext) -> Stage:
            return None  # type: ignore[return-value]

    with pytest.raises(ConfigError, match=r"must place 3 targets in frame 0, got 0 with a pose"):
        broken_plan(Broken).draw(0)


def test_place_that_is_no_number_is_named(registered: None) -> None:
    class Broken(AbstractArrangement):
        """Divides by nothing."""

        n_targets = 1

        def aimed(self, context: PlacementContext) -> Stage:
            stage = context.aim()
            nowhere = np.full(3, np.nan)
            stage.placed.bodies[0] = replace(stage.principal, center_cam=nowhere)
            return stage

    with pytest.raises(ConfigError, match=r"must place 1 target in frame 0, got 0 with a pose"):
        broken_plan(Broken).draw(0)


# One owner.

NAMES = (
    "bin", "conveyor", "grid", "pile", "poses", "scatter", "shelf", "single", "surface", "tray",
)  # fmt: skip
# Where a string of these names means another thing.
OTHER_MEANINGS = {
    ("render/config/run_config.py", "poses"),  # a section of the run config
    ("render/plan.py", "poses"),  # the file's sha256 in the fingerprint
    ("render/job/replay.py", "poses"),  # that section
    ("render/report/verify/description.py", "poses"),  # that section, of a dataset's description
    ("render/sampling/objects.py", "surface"),  # the example of the leaf, to copy
    ("render/assembly/surfaces.py", "surface"),  # the name of a material
    ("render/sampling/sequences.py", "grid"),  # sampling=grid
    ("render/sampling/sequence_of.py", "grid"),
}


def test_no_other_file_names_an_arrangement() -> None:
    quoted = re.compile(rf"""(?<![\w.])["']({"|".join(NAMES)})["']""")
    spoken = re.compile(rf"\b(?:arrangement|objects)(?: is |=)({'|'.join(NAMES)})\b")
    found = set()
    for path in sorted((ROOT / "render").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("render/placement/arrangements/"):
            text = path.read_text(encoding="utf-8")
            found |= {(name, word) for word in quoted.findall(text)}
            found |= {(name, f"objects={word}") for word in spoken.findall(text)}

    assert set(ARRANGEMENTS) >= set(NAMES)
    assert found <= OTHER_MEANINGS
