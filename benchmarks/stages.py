"""Milliseconds of one core by stage of a frame, of both engines, beside the floor of each.

    python -m benchmarks.stages [--frames 60] [--warm 30] [--case default] [--case ten]

The engine of compiled kernels and that of OpenGL draw the same frames in turn.

The stages are those of a worker: functions and passes are wrapped from here, and GL is made to
finish between its stages, so that each gets its own work. The time is that of the process, with
GL on one thread of one core, so that other programs hardly change it. A floor is the time of
the bare library calls that a stage cannot do without (`floors.py`, `floors_gl.py`).
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from benchmarks.command import TEN_OBJECTS
from benchmarks.record import one_core, record

one_core()

import render.execute.worker as worker_module
from benchmarks.clock import Clock
from benchmarks.floors import floors_of
from benchmarks.floors_gl import GlFloors
from render.build import build
from render.system.heap import keep_freed_memory
from tests.spaces import composed

CASES = {"default": (), "ten": TEN_OBJECTS}
# Why a stage may take more than twice its floor.
REASONS = {
    "draw": "rules between leaves, weights of the balanced dataset",
    "place": "search: sizes are reached, contacts and occlusion certified; no library does it",
    "assemble": "light and materials from theta, cards and procedural pictures made per frame",
    "bodies": "matrices in float64; no library call to do without",
    "shadows": "the filter of penumbras: 16 more look-ups where something is in the way",
    "occlusion": "angles of horizons are worked out from each look-up",
    "colour": "arithmetic of each pixel: lights, reflections of the map, textures, wear",
    "label": "every frame's invariants are checked to the pixel",
    "rest": "what lies between the stages",
}
ORDER = (
    "draw",
    "place",
    "assemble",
    "bodies",
    "ids",
    "silhouettes",
    "shadows",
    "occlusion",
    "colour",
    "edges",
    "label",
    "develop",
    "rows",
    "encode",
    "write",
    "rest",
)
ENGINES = ("cpu", "pyrender")  # fmt: skip


Table = dict[str, dict[str, float]]


def measure(
    clock: Clock, overrides: tuple[str, ...], *, frames: int, warm: int
) -> tuple[dict[str, Table], str]:
    """Mean milliseconds and floors by stage, of frames after the first ones, of each engine.

    Also what the engine of compiled kernels calls itself.
    """
    took: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    floors: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    gl_floors: GlFloors | None = None
    drew = ""  # the first engine's
    with tempfile.TemporaryDirectory() as name, ExitStack() as open_workers:
        workers = {}
        for engine in ENGINES:
            folder = made(Path(name) / engine)
            plan = build(composed(*overrides, f"engine={engine}", f"n_frames={warm + frames}"))
            workers[engine] = plan, folder, worker_module.Worker(plan, folder)
            open_workers.callback(workers[engine][2].close)
        for frame_idx in range(warm + frames):
            for engine, (plan, folder, worker) in workers.items():
                clock.reset()
                result = worker.render(frame_idx)
                clock.stop()
                drew = drew or "{platform}: {renderer}, {version}".format_map(result.gl)
                stages = dict(clock.ms)
                scene = clock.last["assemble"][1]
                (_, sample, _), files = clock.last["encode"]
                floor = floors_of(plan, scene, sample, files, folder)
                if engine == "pyrender":
                    gl_floors = gl_floors or GlFloors(scene.camera.size_wh)
                    floor |= gl_floors.of(scene)
                if frame_idx >= warm:
                    took[engine].append(stages)
                    floors[engine].append(floor)
        if gl_floors is not None:
            gl_floors.close()
    tables = {engine: table_of(took[engine], floors[engine]) for engine in ENGINES}
    return tables, drew


def made(folder: Path) -> Path:
    """A dataset's folder with those that frames are written to."""
    for kind in ("images", "ids", "depth", "labels"):
        for split in ("train", "val"):
            (folder / kind / split).mkdir(parents=True)
    return folder


def table_of(took: list[dict[str, float]], floors: list[dict[str, float]]) -> Table:
    """Means over frames by stage."""
    return {
        stage: {
            "ms": float(np.mean([t.get(stage, 0.0) for t in took])),
            "median_ms": float(np.median([t.get(stage, 0.0) for t in took])),
            "floor_ms": float(np.mean([f.get(stage, 0.0) for f in floors])),
        }
        for stage in ORDER
    }


def show(case: str, tables: dict[str, Table], frames: int) -> None:
    """Prints both engines, and which stages are beyond twice their floor without a reason."""
    whole = {engine: sum(row["ms"] for row in table.values()) for engine, table in tables.items()}
    print(f"\n{case}: " + ", ".join(f"{engine} {ms:.1f}" for engine, ms in whole.items())
          + f" ms of one core a frame, mean of {frames}")  # fmt: skip
    head = f"{'ms':>8}{'median':>8}{'floor':>8}{'times':>7}"
    print(f"  {'':12}{'cpu':>31}{'pyrender':>33}\n  {'stage':12}{head}  {head}")
    for stage in ORDER:
        reason = ""
        line = f"  {stage:12}"
        for engine in ENGINES:
            row = tables[engine][stage]
            has_floor = row["floor_ms"] > 0.05
            times = row["ms"] / row["floor_ms"] if has_floor else float("nan")
            if row["ms"] > 0.5 and not times <= 2.0:
                reason = REASONS.get(stage, "beyond twice its floor" if has_floor else "")
            shown = f"{times:7.1f}" if has_floor else f"{'-':>7}"
            line += f"{row['ms']:8.2f}{row['median_ms']:8.2f}{row['floor_ms']:8.2f}{shown}  "
        print(f"{line}{reason}".rstrip())


def main() -> None:
    """Prints a table for each case and records all; a case alone is that of the CPU engine."""
    keep_freed_memory()  # as a run does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--warm", type=int, default=30, help="frames before, not counted")
    parser.add_argument("--case", choices=sorted(CASES), action="append")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    clock = Clock()
    clock.watch_context()
    clock.watch_passes()
    clock.watch_worker()
    figures = {}
    renderer = ""
    for case in args.case or CASES:
        tables, renderer = measure(clock, CASES[case], frames=args.frames, warm=args.warm)
        show(case, tables, args.frames)
        figures |= {case: tables["cpu"], f"{case}, pyrender": tables["pyrender"]}
    record("stages", figures, renderer=renderer)


if __name__ == "__main__":
    main()
