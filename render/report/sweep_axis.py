"""How the jobs of a sweep lie in its plot: which override runs to the right, what a line is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from render.report.measures import MEASURES, Spread

__all__ = ["Arrangement", "Line", "SweptJob", "arrange", "overrides_of"]

# Overrides are joined by spaces, which values may hold as well: one begins at a key.
_NEXT_OVERRIDE = re.compile(r" (?=~|\+{0,2}[\w./@:-]+=)")


@dataclass(frozen=True, eq=False, kw_only=True)
class SweptJob:
    """One job of a sweep, as `sweep.csv` has it.

    Attributes:
        job: Its number.
        overrides: Value by key, as they were typed.
        spreads: By measure; empty of a job that failed.

    """

    job: int
    overrides: Mapping[str, str]
    spreads: Mapping[str, Spread]

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> SweptJob:
        """From a row of `sweep.csv`; what an older one has no columns for is left out."""
        spreads = {}
        for name in MEASURES if row["status"] == "complete" else ():
            numbers = [_number(row.get(f"{name}_{part}") or "") for part in ("mean", "p10", "p90")]
            mean, p10, p90 = numbers
            if mean is not None and p10 is not None and p90 is not None:
                spreads[name] = Spread(mean=mean, p10=p10, p90=p90)
        return cls(job=int(row["job"]), overrides=overrides_of(row["overrides"]), spreads=spreads)


@dataclass(frozen=True, eq=False, kw_only=True)
class Line:
    """Jobs that differ in nothing but the x axis.

    Attributes:
        name: Their other swept overrides; empty if there are none.
        jobs: With the place of each on the x axis, from left to right.

    """

    name: str
    jobs: tuple[tuple[float, SweptJob], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrangement:
    """A sweep, ready to be drawn.

    Attributes:
        x_name: The override that runs to the right; ``job`` if none was swept.
        numeric: x is a number, else a category's place: 0, 1, ...
        ticks: Each x that a job has, from left to right, and what stands below it.
        lines: In the order of their first jobs.

    """

    x_name: str
    numeric: bool
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


def overrides_of(text: str) -> dict[str, str]:
    """Keys and values of overrides that are joined by spaces."""
    pairs = (part.partition("=") for part in _NEXT_OVERRIDE.split(text) if part)
    return {key.lstrip("+"): value for key, _, value in pairs}


def arrange(jobs: Sequence[SweptJob]) -> Arrangement:
    """Arranges those jobs that have something to show.

    To the right runs, of the overrides that are not the same in all jobs, the one with the most
    values; one of numbers goes before one of words, and of equals the first.

    Args:
        jobs: At least one of them with spreads. Failed ones take part in telling what was swept.

    """
    shown = [job for job in jobs if job.spreads]
    swept = _swept(jobs)
    values = {key: [job.overrides.get(key, "default") for job in shown] for key in swept}
    x_name, x_texts = "job", [str(job.job) for job in shown]
    if values:
        x_name = max(values, key=lambda key: (_are_numbers(values[key]), len({*values[key]})))
        x_texts = values.pop(x_name)
    numeric = x_name != "job" and _are_numbers(x_texts)
    places = _places(x_texts, numeric=numeric)
    names = [
        ", ".join(f"{key}={texts[i]}" for key, texts in values.items()) for i in range(len(shown))
    ]
    lines: dict[str, list[tuple[float, SweptJob]]] = {name: [] for name in names}
    for job, text, name in zip(shown, x_texts, names, strict=True):
        lines[name].append((places[text], job))
    return Arrangement(
        x_name=x_name,
        numeric=numeric,
        ticks=tuple(sorted({x: _tick(text, numeric) for text, x in places.items()}.items())),
        lines=tuple(
            Line(name=name, jobs=tuple(sorted(there, key=lambda pair: pair[0])))
            for name, there in lines.items()
        ),
    )


def _swept(jobs: Sequence[SweptJob]) -> list[str]:
    """Keys whose values differ between jobs, in the order in which they were typed."""
    keys = dict.fromkeys(key for job in jobs for key in job.overrides)
    return [key for key in keys if len({job.overrides.get(key) for job in jobs}) > 1]


def _are_numbers(texts: Sequence[str]) -> bool:
    return all(_number(text) is not None for text in texts)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _places(texts: Sequence[str], *, numeric: bool) -> dict[str, float]:
    """Position on the x axis of each text."""
    if numeric:
        return {text: float(text) for text in texts}
    return {text: float(i) for i, text in enumerate(dict.fromkeys(texts))}


def _tick(text: str, numeric: bool) -> str:
    return f"{float(text):g}" if numeric else text
