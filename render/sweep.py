"""Folders of a sweep's jobs, and the index of them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import final

from render.execute.files import write_whole
from render.job import Summary

__all__ = ["SweepIndex", "SweepRow", "slug"]

_MAX_BYTES = 200


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
    """One job of a sweep."""

    job: int
    status: str
    overrides: str
    path: str
    frames: int | None
    instances: int | None
    filtered: int | None
    rejections: int | None
    error: str

    @classmethod
    def of(
        cls,
        *,
        job: int,
        overrides: Sequence[str],
        path: str,
        summary: Summary | None,
        error: str | None,
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
        )


@final
@dataclass(frozen=True)
class SweepIndex:
    """`sweep.csv`: one row a job, whole after each of them."""

    path: Path

    def add(self, row: SweepRow) -> None:
        """Adds a job, in place of an earlier row of the same path."""
        rows = [r for r in self._read() if r["path"] != row.path]
        new = {k: "" if v is None else str(v) for k, v in asdict(row).items()}
        rows = sorted([*rows, new], key=lambda r: int(r["job"]))
        text = io.StringIO()
        table = csv.DictWriter(text, [f.name for f in fields(SweepRow)], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, text.getvalue().encode(), durable=True)

    def _read(self) -> list[dict[str, str]]:
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
