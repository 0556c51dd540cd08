"""The index of a sweep's jobs, its plot, and the table that a sweep ends with."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import final

from render.config.composition import Sweep
from render.dataset.description import Description
from render.dataset.folder import held
from render.dataset.rasters import encode_png
from render.report.measures import MEASURES, Spread
from render.report.sweep_axis import SweptJob, overrides_of
from render.report.sweep_plot import draw_sweep
from render.system.files import write_whole

__all__ = ["INDEX", "SweepIndex", "SweepRow", "ended"]

INDEX = "sweep.csv"
_WAIT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class SweepRow:
    """One job of a sweep.

    Attributes:
        spreads: Mean and percentiles of its dataset, by measure; some may be missing, all of them
            where the job failed.

    """

    job: int
    status: str
    overrides: str
    path: str
    frames: int | None
    instances: int | None
    filtered: int | None
    rejections: int | None
    error: str
    spreads: Mapping[str, Spread] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        job: int,
        overrides: Sequence[str],
        path: str,
        made: Description | None,
        error: str | None,
        spreads: Mapping[str, Spread],
    ) -> SweepRow:
        """The row of a job that ended well (`made`, its dataset) or badly (`error`)."""
        return cls(
            job=job,
            status="complete" if made else "failed",
            overrides=" ".join(overrides),
            path=path,
            frames=made.n_frames if made else None,
            instances=sum(made.counts["instances"].values()) if made else None,
            filtered=sum(made.counts["filtered"].values()) if made else None,
            rejections=sum(made.rejections.values()) if made else None,
            error=error or "",
            spreads=spreads,
        )

    @staticmethod
    def columns() -> list[str]:
        """Names of the columns of `sweep.csv`: the counts, then three for each measure."""
        counts = [f.name for f in fields(SweepRow) if f.name != "spreads"]
        parts = [f.name for f in fields(Spread)]
        return counts + [f"{name}_{part}" for name in MEASURES for part in parts]

    def cells(self) -> dict[str, str]:
        """What the index says, by column; measures to six digits, empty where there is none."""
        values = asdict(self)
        spreads = values.pop("spreads")
        cells = {k: "" if v is None else str(v) for k, v in values.items()}
        for name, spread in spreads.items():
            cells |= {f"{name}_{part}": f"{value:.6g}" for part, value in spread.items()}
        return cells


@final
@dataclass(frozen=True)
class SweepIndex:
    """`sweep.csv`, one row a job, and `sweep.png` next to it; both are whole after each job."""

    path: Path

    def add(self, row: SweepRow) -> None:
        """Adds a job, in place of an earlier row of the same path, and draws all of them.

        Jobs of other processes wait meanwhile, so that no row is lost.

        Raises:
            DatasetError: A file cannot be written, or others hold the folder for too long.

        """
        with held(self.path.parent, "hydra.sweep.dir", wait_s=_WAIT_S):
            self._add(row)

    def _add(self, row: SweepRow) -> None:
        there = self.rows()
        rows = [r for r in there if r["path"] != row.path]
        rows = sorted([*rows, row.cells()], key=lambda r: (int(r["job"]), r["path"]))
        if rows == there:
            return
        text = io.StringIO()
        table = csv.DictWriter(text, SweepRow.columns(), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_whole(self.path, text.getvalue().encode(), durable=True)
        self._draw(rows)

    def _draw(self, rows: Sequence[Mapping[str, str]]) -> None:
        path = self.path.with_suffix(".png")
        picture = draw_sweep([SweptJob.of_row(row) for row in rows])
        if picture is None:
            path.unlink(missing_ok=True)  # of jobs that failed when they were made again
        else:
            write_whole(path, encode_png(picture), durable=True)

    def spreads_of(self, path: str, *, frames: int) -> Mapping[str, Spread]:
        """The measures of a job that is there with as many frames; empty if it is not known."""
        rows = (row for row in self.rows() if (row["path"], row["frames"]) == (path, str(frames)))
        return next((SweptJob.of_row(row).spreads for row in rows), {})

    def rows(self) -> list[dict[str, str]]:
        """The rows that are whole; a table of other columns is begun anew."""
        if not self.path.is_file():
            return []
        columns = SweepRow.columns()
        with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
            table = csv.reader(file)
            if next(table, None) != columns:
                return []
            whole = [row for row in table if len(row) == len(columns) and row[0].isdecimal()]
        return [dict(zip(columns, row, strict=True)) for row in whole]


def ended(sweep: Sweep, folder: Path) -> tuple[str, bool]:
    """How the jobs of a sweep ended, whichever processes they ran in.

    Args:
        sweep: Its jobs.
        folder: Of the sweep.

    Returns:
        A table of them, and whether all of them are complete.

    """
    asked = [" ".join(job) for job in sweep.jobs]
    rows = [row for row in SweepIndex(folder / INDEX).rows() if row["overrides"] in asked]
    failed = [row for row in rows if row["status"] != "complete"]
    n_lost = len({*asked} - {row["overrides"] for row in rows})
    names = _swept_parts([row["overrides"] for row in rows])
    cells: list[tuple[str, ...]] = [("job", "status", "frames", "instances", "overrides")]
    for row, name in zip(rows, names, strict=True):
        counts = (row[key] or "-" for key in ("frames", "instances"))
        cells.append((row["job"], row["status"], *counts, name))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    told = f"{len(failed)} of {len(asked)} jobs" if failed else "none"
    lines.append(f"failed      {told}")
    if n_lost:
        lines.append(f"lost        {n_lost} of {len(asked)} jobs, which never told how they ended")
    lines.append(f"index       {folder / INDEX}")
    return "\n".join(lines), not failed and not n_lost


def _swept_parts(texts: Sequence[str]) -> list[str]:
    """Of the overrides of each job those that not all of them have; of one job all."""
    jobs = [overrides_of(text) for text in texts]
    swept = [
        {key: value for key, value in job.items() if any(o.get(key) != value for o in jobs)}
        for job in jobs
    ]
    return [
        " ".join(f"{key}={value}" for key, value in part.items()) or text
        for part, text in zip(swept, texts, strict=True)
    ]
