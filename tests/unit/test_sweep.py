"""Folder names and index of a sweep."""

from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from render.sweep import SweepIndex, SweepRow, slug


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
        )  # fmt: skip
        for j in (0, 1)
    ]
    for count, row in enumerate(rows, start=1):
        index.add(row)
        with index.path.open(newline="") as file:
            read = list(csv.DictReader(file))

        assert [r["error"] for r in read] == [f"bad, {j}" for j in range(count)]
        assert all(r["status"] == "failed" for r in read)
