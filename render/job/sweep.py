"""Folders of a sweep's jobs, the index of them and its plot."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import final

from render.dataset.folder import held
from render.dataset.rasters import encode_png
from render.job.summary import Summary
from render.report.measures import MEASURES, Spread
from render.report.sweep_axis import SweptJob
from render.report.sweep_plot import draw_sweep
from render.system.files import write_whole

__all__ = ["SweepIndex", "SweepRow", "slug"]

_MAX_BYTES = 200
_WAIT_S = 60.0


def slug(number: int, overrides: str) -> str:
    """Folder name of a job: its number and its overrides, at most 200 bytes.

    Every run of characters other than letters, digits and ``. = _ + -`` becomes one
    ``-``; what is too long ends in a hash, so that names stay distinct.
    """
    words = re.sub(r"[^A-Za-z0-9.=_+-]+", "-", overrides).strip("-.")
    name = f"{number}_{words}" if words else str(number)
    if len(name) <= _MAX_BYTES:
        return name
    digest = hashlib.sha256(overrides.encode()).hexdigest()[:8]
    return f"{name[: _MAX_BYTES - 9]}-{digest}"


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
        summary: Summary | None,
        error: str | None,
        spreads: Mapping[str, Spread],
    ) -> SweepRow:
        """The row of a job that ended well (`summary`) or badly (`error`)."""
        return cls(
            job=job,
            status="complete" if summary else "failed",
            overrides=" ".join(overrides),
            path=path,
            frames=summary.frames if summary else None,
            instances=sum(summary.instances.values()) if summary else None,
            filtered=sum(summary.filtered.values()) if summary else None,
            rejections=sum(summary.rejections.values()) if summary else None,
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
        rows = [r for r in self._read() if r["path"] != row.path]
        rows = sorted([*rows, row.cells()], key=lambda r: int(r["job"]))
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

    def _read(self) -> list[dict[str, str]]:
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
