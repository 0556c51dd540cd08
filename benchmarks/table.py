"""What the engine on the CPU is to reach, in one table: before it, at least, aimed at, measured.

    python -m benchmarks.table [--quick] [--measured]

It runs the benchmarks that it takes figures from, one after the other; they record them.
`--quick` takes minutes and shows that all works, no more. `--measured` prints what is recorded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.command import ROOT, environment
from benchmarks.record import RESULTS

Recorded = Mapping[str, Any]

# Benchmark, its arguments, and those of a quick run.
_RUNS: tuple[tuple[str, str, str], ...] = (
    ("throughput", "--objects 10 50 --frames 216", "--objects 10 50 --frames 26 --rounds 1"),
    ("stages", "--frames 60 --warm 30", "--frames 6 --warm 4 --case default"),
    ("engine", "", "--objects 10 --frames 2 --rounds 1"),
    ("large", "", "--triangles 500000"),
    ("startup", "--rounds 5", "--rounds 1"),
    ("resident", "--frames 200", "--frames 24"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        name: What is measured.
        before: With OpenGL in software, as it is shown.
        must: What has to be reached.
        aim: What was aimed at.
        find: The figures out of what is recorded: the one that decides, and others beside it.
        least: The figure has to be at least that much; else at most.
        unit: Behind each figure.
        digits: After the point.

    """

    name: str
    before: str
    must: float
    aim: float
    find: Callable[[Recorded], tuple[float, ...]]
    least: bool
    unit: str = ""
    digits: int = 1


def main() -> None:
    """Runs what is asked for and prints the table; fails where a figure is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--measured", action="store_true", help="run nothing")
    args = parser.parse_args()
    if not args.measured:
        for name, usual, quick in _RUNS:
            words = (quick if args.quick else usual).split()
            print(f"--- {name} {' '.join(words)}", flush=True)
            command = [sys.executable, "-m", f"benchmarks.{name}", *words]
            subprocess.run(command, env=environment(), cwd=ROOT, check=True)
    recorded = {name: part["figures"] for name, part in json.loads(RESULTS.read_text()).items()}
    print()
    for line in lines_of(recorded):
        print(line)


def lines_of(recorded: Recorded) -> list[str]:
    """The table, as Markdown."""
    lines = ["| | before | must | aim | measured | |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        try:
            found = row.find(recorded)
        except KeyError as missing:
            shown, verdict = f"- (nothing recorded of {missing})", ""
        else:
            shown = " to ".join(_shown(value, row) for value in found)
            verdict = verdict_of(row, found[0])
        bounds = " | ".join(_shown(value, row) for value in (row.must, row.aim))
        lines.append(f"| {row.name} | {row.before} | {bounds} | {shown} | {verdict} |")
    return lines


def verdict_of(row: Row, value: float) -> str:
    """Whether a figure is as good as it must be, or as it should."""
    sign = 1.0 if row.least else -1.0
    if sign * value >= sign * row.aim:
        return "aim met"
    return "met" if sign * value >= sign * row.must else "MISS"


def _shown(value: float, row: Row) -> str:
    return f"{value:.{row.digits}f}{row.unit}"


def _slope(objects: int) -> Callable[[Recorded], tuple[float, ...]]:
    return lambda recorded: (recorded["throughput"][str(objects)]["median_ratio"],)


def _default_ms(recorded: Recorded) -> tuple[float, ...]:
    return (sum(stage["ms"] for stage in recorded["stages"]["default"].values()),)


def _in_memory(recorded: Recorded) -> tuple[float, ...]:
    for row in recorded["engine"]["rows"]:
        case = row["objects"], row["light"], row["shadows"], row["amodal"]
        if case == (10, "directional", False, False):
            return (row["ratio"],)
    raise KeyError("engine with ten objects")


def _smoothing(recorded: Recorded) -> tuple[float, ...]:
    """The least and the greatest difference to stock's four samples."""
    differences = [
        case[f"ours {where}"] - case[f"stock {where}"]
        for case in recorded["engine"]["psnr_db"].values()
        for where in ("outlines", "edges", "objects")
    ]
    return min(differences), max(differences)


ROWS = (
    Row(name="ten objects to disk, slope of whole runs, times the stock script", before="3.4",
        must=8, aim=12, least=True, find=_slope(10)),
    Row(name="fifty", before="2.8", must=12, aim=20, least=True, find=_slope(50)),
    Row(name="default run, of one core a frame", before="175 ms", must=70, aim=48, least=False,
        find=_default_ms, unit=" ms", digits=0),
    Row(name="in memory, ten, no shadows and masks, times stock", before="4.3", must=8, aim=12,
        least=True, find=_in_memory),
    Row(name="smoothing less stock's four samples, all cases", before="-3.3 to +0.5 dB", must=0,
        aim=2, least=True, find=_smoothing, unit=" dB"),
    Row(name="5 million triangles, a frame", before="0.75 s", must=0.4, aim=0.25, least=False,
        find=lambda recorded: (recorded["large"]["filled"]["frame_s"],), unit=" s", digits=2),
    Row(name="start to first frame, compiled", before="3.3 s", must=2.5, aim=1.5, least=False,
        find=lambda recorded: (recorded["startup"]["median_s"],), unit=" s"),
    Row(name="resident memory of a worker", before="425 MiB", must=350, aim=250, least=False,
        find=lambda recorded: (recorded["resident"]["worker_mib"],), unit=" MiB", digits=0),
)  # fmt: skip

if __name__ == "__main__":
    main()
