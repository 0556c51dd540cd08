"""Folder names and index of a sweep."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from render.config.composition import Sweep
from render.config.job_names import job_name
from render.job.sweep import SweepIndex, SweepRow, ended
from render.report.measures import MEASURES, Spread, measure
from render.report.sweep_axis import SweptJob
from render.report.sweep_plot import draw_sweep
from tests.small_dataset import some_samples, write_dataset


@given(st.lists(st.text(max_size=200), max_size=5))
def test_a_name_is_a_short_plain_file_name(values: list[str]) -> None:
    name = job_name([f"key{i}={value}" for i, value in enumerate(values)])

    assert 0 < len(name.encode()) <= 200
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,_=+-")
    assert name[0] not in ".-"


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["viewpoint.elevation_deg=10", "lighting=sun"], "lighting=sun,viewpoint.elevation_deg=10"),
        (["n_frames=9", "seed=1", "workers=2", "execution=ray"], "seed=1"),
        (["execution.num_cpus=2", "shard.index=0", "seed=1"], "seed=1"),
        (["models=[bolt,mug]", "scale.size_frac=[uniform,0.1,-0.5]"],
         "models=bolt,mug,scale.size_frac=uniform,0.1,-0.5"),
        (["n_frames=9"], "default"),
    ],
)  # fmt: skip
def test_a_name_says_what_decides_the_frames(overrides: list[str], name: str) -> None:
    assert job_name(overrides) == name
    assert job_name(overrides[::-1]) == name


def test_what_is_swept_over_is_in_the_name() -> None:
    assert job_name(["seed=1", "n_frames=9"], {"n_frames"}) == "n_frames=9,seed=1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("models=[a,b-]", "models=[a,b]"), ("a/b=1", "a-b=1"), ("lighting@a=1", "lighting/a=1"),
        ("models=[bolt]", "models=bolt"), ("lighting=sun-", "lighting=sun"),
        ("models=[a b]", "models=[a-b]"), ("models=[a,b,[c]]", "models=[a,b,c]"),
        ("models=[" + ",".join(f"part{i}" for i in range(100)) + "a]",
         "models=[" + ",".join(f"part{i}" for i in range(100)) + "b]"),
        ("background.color=ä", "background.color=ö"),
    ],
)  # fmt: skip
def test_names_of_different_jobs_differ(one: str, other: str) -> None:
    assert job_name([one]) != job_name([other])


def test_index_is_whole_after_each_job(tmp_path: Path) -> None:
    index = SweepIndex(tmp_path / "sweep.csv")
    rows = [
        SweepRow.of(
            job=j,
            overrides=[f"seed={j}"],
            path=f"{j}_",
            made=None,
            error=f"bad, {j}",
            spreads={},
        )
        for j in (0, 1)
    ]
    for count, row in enumerate(rows, start=1):
        index.add(row)
        with index.path.open(newline="") as file:
            read = list(csv.DictReader(file))

        assert [r["error"] for r in read] == [f"bad, {j}" for j in range(count)]
        assert all(r["status"] == "failed" for r in read)


def _failed(job: int) -> SweepRow:
    return SweepRow.of(job=job, overrides=[], path=f"{job}_", made=None, error="bad", spreads={})


def test_jobs_of_several_processes_lose_no_row(tmp_path: Path) -> None:
    index = SweepIndex(tmp_path / "sweep.csv")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(index.add, map(_failed, range(8))))

    with index.path.open(newline="") as file:
        assert [row["job"] for row in csv.DictReader(file)] == [str(job) for job in range(8)]
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.csv"]


def test_a_sweep_ends_with_a_table_of_its_own_jobs(tmp_path: Path) -> None:
    index = SweepIndex(tmp_path / "sweep.csv")
    for job, status in enumerate(("complete", "failed", "failed")):
        made = row_of(job, f"seed={job} n_frames=2", 0.5, status=status)
        index.add(made)
    sweep = Sweep()
    sweep.add(tmp_path, ["seed=0", "n_frames=2"])
    assert ended(sweep, tmp_path) == (
        "job  status    frames  instances  overrides\n"
        "0    complete  1       1          seed=0 n_frames=2\n"
        f"failed      none\nindex       {tmp_path}/sweep.csv",
        True,
    )
    sweep.add(tmp_path, ["seed=1", "n_frames=2"])
    sweep.add(tmp_path, ["seed=1", "n_frames=2"])  # composed twice
    table, has_succeeded = ended(sweep, tmp_path)
    assert not has_succeeded
    assert "failed      1 of 2 jobs" in table
    assert table.splitlines()[2].split() == ["1", "failed", "1", "1", "seed=1"]
    sweep.add(tmp_path, ["seed=3", "n_frames=2"])
    assert "lost        1 of 3 jobs" in ended(sweep, tmp_path)[0]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.99])
def test_a_torn_index_is_begun_anew_where_it_is_torn(share: float, tmp_path: Path) -> None:
    index = SweepIndex(tmp_path / "sweep.csv")
    for job in (0, 1):
        index.add(_failed(job))
    whole = index.path.read_bytes()
    index.path.write_bytes(whole[: int(share * len(whole))])

    for job in (1, 0):
        index.add(_failed(job))

    assert index.path.read_bytes() == whole


def test_measures_are_those_of_the_coco_files_and_pictures(tmp_path: Path) -> None:
    """Read back by other libraries: JSON, pycocotools, Pillow."""
    write_dataset(tmp_path / "d", some_samples(9))
    wanted: dict[str, list[float]] = {name: [] for name in MEASURES}
    for split in ("train", "val"):
        text = (tmp_path / "d" / "annotations" / f"instances_{split}.json").read_text()
        coco = json.loads(text)
        names = {image["id"]: image["file_name"] for image in coco["images"]}
        for entry in coco["annotations"]:
            path = tmp_path / "d" / "images" / split / names[entry["image_id"]]
            rgb = np.asarray(Image.open(path).convert("RGB"), np.float64)
            for name in ("visib_fract", "occluded_fract", "truncated_fract"):
                if entry[name] is not None:
                    wanted[name].append(entry[name])
            wanted["size_px"].append(max(entry["bbox_obj"][2:]))
            seen = coco_mask.decode(entry["segmentation"]).astype(bool)
            if seen.any():
                r, g, b = rgb[seen].mean(axis=0)
                wanted["brightness"].append((0.2126 * r + 0.7152 * g + 0.0722 * b) / 255)

    found = measure(tmp_path / "d")

    for name, values in wanted.items():
        assert found[name].mean == pytest.approx(np.mean(values))
        assert (found[name].p10, found[name].p90) == pytest.approx(
            tuple(np.percentile(values, [10, 90]))
        )


def row_of(job: int, overrides: str, mean: float, status: str = "complete") -> SweepRow:
    """A row of the index."""
    spread = Spread(mean=mean, p10=mean - 0.1, p90=mean + 0.1)
    return SweepRow(
        job=job, status=status, overrides=overrides, path=str(job), frames=1, instances=1,
        filtered=0, rejections=0, error="", spreads=dict.fromkeys(MEASURES, spread),
    )  # fmt: skip


def test_the_plot_shows_jobs_where_their_values_are() -> None:
    """Dots rise with the mean: of three jobs, the line goes up from left to right."""
    rows = [row_of(j, f"occlusion.occluded_fract={x} seed=3", x).cells() for j, x in
            enumerate((0.1, 0.5, 0.9))]  # fmt: skip
    picture = draw_sweep([SweptJob.of_row(row) for row in rows])
    same = draw_sweep([SweptJob.of_row(row) for row in rows])
    other = draw_sweep([SweptJob.of_row(row) for row in rows[::-1]])

    assert picture is not None
    assert same is not None
    assert other is not None
    np.testing.assert_array_equal(picture, same)
    np.testing.assert_array_equal(picture, other)  # in the order of jobs, not of rows
    # The line's colour is the strongest blue there is.
    panel = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)[: picture.shape[0] // 2, :400]
    y, x = np.nonzero((panel[..., 1] > 180) & (panel[..., 2] > 100))
    assert np.corrcoef(x, y)[0, 1] < -0.95


def test_failed_jobs_are_in_no_plot() -> None:
    failed = SweepRow.of(job=0, overrides=["seed=1"], path="0", made=None, error="bad", spreads={})

    assert draw_sweep([SweptJob.of_row(failed.cells())]) is None
    assert draw_sweep([]) is None
