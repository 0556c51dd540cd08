"""Parts of 5 mm beside parts of 500 mm: every frame is placed, and what is left out is counted."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import render
from render.dataset.records import read_frames, read_instances, write_shard_records
from render.job.run_job import run_job
from render.job.summary import Summary
from render.report.verify.dataset import verify

SIZES_MM = (5, 10, 20, 50, 100, 200, 500)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blocks of 5 to 500 mm."""
    folder = tmp_path_factory.mktemp("models")
    quads = ((1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4))
    faces = "".join(f"f {a} {b} {c} {d}\n" for a, b, c, d in quads)
    for size in SIZES_MM:
        corners = (
            f"v {x * size} {y * size * 0.8} {z * size * 0.6}\n"
            for x in (0, 1) for y in (0, 1) for z in (0, 1)
        )  # fmt: skip
        (folder / f"block{size}.obj").write_text("".join(corners) + faces)
    (folder / "models.yaml").write_text("'*': {unit: mm}\n")
    return folder


def composed(folder: Path, *words: str) -> render.Plan:
    return render.compose(
        f"assets.models_dir={folder}", "camera.size_wh=[160,120]", "workers=1", *words
    )


@pytest.mark.parametrize("objects", ["surface", "scatter", "single", "grid", "mixture", "pile"])
def test_every_arrangement_places_every_frame(objects: str, folder: Path) -> None:
    if objects == "pile" and importlib.util.find_spec("coacd") is None:
        pytest.skip("needs the extra `pile`")
    plan = composed(folder, f"objects={objects}", "n_frames=10")
    n_asked, n_shown = 0, 0
    for frame_idx in range(4 if objects == "pile" else 10):
        theta, placement, _ = plan.draw(frame_idx)
        shown = [p for p in placement.instances if p.role == "target"]
        n_asked, n_shown = n_asked + theta.objects.count, n_shown + len(shown)
        assert shown[0].theta_idx == 0
        assert [theta.objects.model[p.theta_idx] for p in shown] == [p.model for p in shown]
        assert {p.scale for p in shown} == {1.0}
        assert plan.draw(frame_idx)[1] == placement
    assert n_shown >= 0.5 * n_asked


def test_parts_that_lie_in_rows_are_in_the_picture(folder: Path) -> None:
    plan = composed(folder, "objects=grid", "scale.size_frac=0.15", "n_frames=10")
    for frame_idx in range(10):
        _, placement, _ = plan.draw(frame_idx)
        K, T = placement.K, placement.T_world_cam
        for placed in placement.instances:
            # The step to the next cell is at most half of the picture, or the usual room.
            away = [placed.T_world_obj[3 + 4 * k] - placement.center_m[k] for k in range(3)]
            depth = sum(T[2 + 4 * k] * (placement.center_m[k] - T[3 + 4 * k]) for k in range(3))
            most = max(0.5 * depth * 160 / K[0], 1.3 * 2 * 2 * placement.extent_m)
            if placed.role == "target":
                assert max(map(abs, away)) <= 2.5 * most


@pytest.fixture(scope="module")
def summary(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    made = tmp_path_factory.mktemp("datasets") / "grid"
    plan = composed(folder, "objects=grid", "n_frames=4", f"output_dir={made}")
    return run_job(plan.config)


def test_what_is_unplaced_is_counted_by_category(summary: Summary) -> None:
    expected: Counter[str] = Counter()
    for row in read_frames(summary.output_dir):
        objects = json.loads(row["theta"])["objects"]
        expected.update(Path(name).stem for name in objects["model"][: objects["count"]])
    for row in read_instances(summary.output_dir):
        if row["role"] == "target":
            expected[Path(row["model"]).stem] -= 1
    expected = +expected

    assert expected == summary.unplaced
    assert expected
    described = yaml.safe_load((summary.output_dir / "dataset.yaml").read_text())
    assert expected == described["counts"]["unplaced"]
    line = next(x for x in summary.text().splitlines() if x.startswith("unplaced"))
    assert f" {sum(expected.values())}, " in line
    assert "objects.size_ratio" in line
    assert line.endswith(", ".join(f"{k} {n}" for k, n in sorted(expected.items())))


def test_verify_takes_what_is_unplaced_at_true_size_alone(summary: Summary, tmp_path: Path) -> None:
    assert not verify(summary.output_dir).findings.problems

    torn = shutil.copytree(summary.output_dir, tmp_path / "torn")
    rows: list[dict[str, Any]] = list(read_frames(torn))
    for row in rows:
        theta = json.loads(row["theta"])
        theta["objects"]["size_ratio"] = [1.0] * len(theta["objects"]["size_ratio"])
        row["theta"] = json.dumps(theta)
    write_shard_records(torn, 0, rows, list(read_instances(torn)))
    told = "\n".join(verify(torn).findings.lines())
    assert "only further targets at true size may be left out" in told


def test_a_frame_that_cannot_be_names_the_leaf(folder: Path) -> None:
    words = ("objects.size_ratio=100", "objects.count=8", "scale.size_frac=0.5")
    plan = composed(folder, "objects=surface", "n_frames=1", *words)

    with pytest.raises(render.UnrealisableError, match=r"Loosen objects.count or objects.size_rat"):
        plan.draw(0)
