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

from render.job.sweep import SweepIndex, SweepRow, slug
from render.report.measures import MEASURES, Spread, measure
from render.report.sweep_axis import SweptJob
from render.report.sweep_plot import draw_sweep
from tests.small_dataset import some_samples, write_dataset


@given(st.integers(0, 99999), st.text(max_size=600))
def test_slug_is_a_short_plain_file_name(number: int, overrides: str) -> None:
    name = slug(number, overrides)

    assert len(name.encode()) <= 200
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=+-")
    assert name.split("_")[0] == str(number)


def test_slug_names_the_overrides() -> None:
    assert slug(3, "viewpoint.elevation_deg=10,lighting=sun") == (
        "3_viewpoint.elevation_deg=10-lighting=sun"
    )


def test_long_slugs_stay_distinct() -> None:
    long = "objects.model=[" + ",".join(f"part{i}" for i in range(100))

    assert slug(0, long + "a]") != slug(0, long + "b]")


def test_index_is_whole_after_each_job(tmp_path: Path) -> None:
    index = SweepIndex(tmp_path / "sweep.csv")
    rows = [
        SweepRow.of(
            job=j,
            overrides=[f"seed={j}"],
            path=f"{j}_",
            summary=None,
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
    return SweepRow.of(job=job, overrides=[], path=f"{job}_", summary=None, error="bad", spreads={})


def test_jobs_of_several_processes_lose_no_row(tmp_path: Path) -> None:
    index = SweepIndex(tmp_path / "sweep.csv")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(index.add, map(_failed, range(8))))

    with index.path.open(newline="") as file:
        assert [row["job"] for row in csv.DictReader(file)] == [str(job) for job in range(8)]
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.csv"]


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


def row_of(job: int, overrides: str, mean: float) -> dict[str, str]:
    """A row of the index of a job that ended well."""
    spread = Spread(mean=mean, p10=mean - 0.1, p90=mean + 0.1)
    row = SweepRow(
        job=job, status="complete", overrides=overrides, path=str(job), frames=1, instances=1,
        filtered=0, rejections=0, error="", spreads=dict.fromkeys(MEASURES, spread),
    )  # fmt: skip
    return row.cells()


def test_the_plot_shows_jobs_where_their_values_are() -> None:
    """Dots rise with the mean: of three jobs, the line goes up from left to right."""
    rows = [row_of(j, f"occlusion.occluded_fract={x} seed=3", x) for j, x in
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
    failed = SweepRow.of(
        job=0, overrides=["seed=1"], path="0", summary=None, error="bad", spreads={}
    )

    assert draw_sweep([SweptJob.of_row(failed.cells())]) is None
    assert draw_sweep([]) is None
