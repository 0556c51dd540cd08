"""Milliseconds of one core by stage of a frame, beside the floor of each.

    python -m benchmarks.stages [--frames 60] [--warm 30] [--case default] [--case ten]

The stages are those of a worker: functions and passes are wrapped from here, and GL is made to
finish between its stages, so that each gets its own work. The time is that of the process, with
GL on one thread of one core, so that other programs hardly change it. A floor is the time of
the bare library calls that a stage cannot do without (`floors.py`, `floors_gl.py`).
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.command import TEN_OBJECTS
from benchmarks.record import one_core, record

one_core()

import render.engine.pyrender.engine as engine_module
import render.execute.worker as worker_module
import render.pipeline as pipeline_module
from benchmarks.floors import floors_of
from benchmarks.floors_gl import GlFloors
from render.build import build
from render.engine.pyrender.context import GlContext, choose
from render.engine.pyrender.passes.color import ColorPass
from render.engine.pyrender.passes.ids import IdPass
from render.engine.pyrender.passes.occlusion import OcclusionPass
from render.engine.pyrender.passes.shadows import ShadowPass
from render.engine.pyrender.passes.silhouettes import SilhouettePass
from render.labels.tasks import TaskLabeller
from render.sampling.space import ThetaSpace
from tests.spaces import composed

CASES = {"default": (), "ten": TEN_OBJECTS}
# Why a stage may take more than twice its floor.
REASONS = {
    "draw": "rules between leaves, weights of the balanced dataset",
    "place": "search: sizes are reached, contacts and occlusion certified; no library does it",
    "assemble": "light and materials from theta, cards and procedural pictures made per frame",
    "upload": "matrices in float64; no library call to do without",
    "occlusion": "angles of horizons are worked out from each look-up",
    "colour": "arithmetic of each pixel: lights, reflections of the map, textures, wear",
    "label": "every frame's invariants are checked to the pixel",
    "rest": "what lies between the stages",
}
_CPU_STAGES: tuple[tuple[Any, str, str], ...] = (
    (ThetaSpace, "draw", "draw"),
    (pipeline_module, "place", "place"),
    (pipeline_module, "assemble", "assemble"),
    (pipeline_module, "label", "label"),
    (pipeline_module, "check_invariants", "label"),
    (TaskLabeller, "add", "label"),
    (pipeline_module, "expose", "develop"),
    (pipeline_module, "develop", "develop"),
    (worker_module, "instance_rows", "rows"),
    (worker_module, "frame_row", "rows"),
    (worker_module, "encode", "encode"),
    (worker_module, "write_whole", "write"),
)
_GL_STAGES: tuple[tuple[Any, str, str], ...] = (
    (engine_module, "upload", "upload"),
    (IdPass, "render", "ids"),
    (IdPass, "seen", "ids"),
    (SilhouettePass, "render", "silhouettes"),
    (ShadowPass, "render", "shadows"),
    (OcclusionPass, "render", "occlusion"),
    (ColorPass, "render", "colour"),
)
ORDER = ("draw", "place", "assemble", "upload", "ids", "silhouettes", "shadows", "occlusion",
         "colour", "label", "develop", "rows", "encode", "write", "rest")  # fmt: skip


class Clock:
    """Time of the process by stage; what is called within a stage counts for the inner one.

    Attributes:
        ms: Of the stages since `reset`.
        last: Arguments and result of the last call of each wrapped function.

    """

    def __init__(self) -> None:
        self.ms: defaultdict[str, float] = defaultdict(float)
        self.last: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._stack = ["rest"]
        self._at_s = time.process_time()
        self._finish: Callable[[], None] = lambda: None

    def reset(self) -> None:
        """Begins a frame."""
        self.ms.clear()
        self._at_s = time.process_time()

    def stop(self) -> None:
        """Ends a frame."""
        now_s = time.process_time()
        self.ms[self._stack[-1]] += 1e3 * (now_s - self._at_s)
        self._at_s = now_s

    def wrap(self, owner: Any, name: str, stage: str, *, gl: bool) -> None:
        """Puts the time of a function or method of `owner` under a stage."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.stop()
            self._stack.append(stage)
            try:
                result = inner(*args, **kwargs)
                if gl:
                    self._finish()
            finally:
                self.stop()
                self._stack.pop()
            self.last[name] = args, result
            return result

        setattr(owner, name, timed)

    def watch_context(self) -> None:
        """Learns of the context that the engine opens, to wait for it."""

        def watched(platform: str, device: str) -> GlContext:
            context = choose(platform, device)
            self._finish = context.mgl.finish
            return context

        vars(engine_module)["choose"] = watched


def measure(
    clock: Clock, overrides: tuple[str, ...], *, frames: int, warm: int
) -> tuple[dict[str, dict[str, float]], str]:
    """Mean milliseconds and floors by stage, of frames after the first ones; GL's renderer."""
    plan = build(composed(*overrides, f"n_frames={warm + frames}"))
    took: list[dict[str, float]] = []
    floors: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("images", "masks", "depth", "labels"):
            for split in ("train", "val"):
                (folder / kind / split).mkdir(parents=True)
        worker = worker_module.Worker(plan, folder)
        gl_floors: GlFloors | None = None
        for frame_idx in range(warm + frames):
            clock.reset()
            result = worker.render(frame_idx)
            clock.stop()
            stages = dict(clock.ms)
            scene = clock.last["assemble"][1]
            (_, sample, _), files = clock.last["encode"]
            gl_floors = gl_floors or GlFloors(scene.camera.size_wh)
            floor = floors_of(plan, scene, sample, files, folder) | gl_floors.of(scene)
            if frame_idx >= warm:
                took.append(stages)
                floors.append(floor)
        if gl_floors is not None:
            gl_floors.close()
        worker.close()
    table = {
        stage: {
            "ms": float(np.mean([t.get(stage, 0.0) for t in took])),
            "median_ms": float(np.median([t.get(stage, 0.0) for t in took])),
            "floor_ms": float(np.mean([f.get(stage, 0.0) for f in floors])),
        }
        for stage in ORDER
    }
    return table, str(result.gl["renderer"])


def show(case: str, table: dict[str, dict[str, float]], frames: int) -> None:
    """Prints one table, and which stages are beyond twice their floor without a reason."""
    whole = sum(row["ms"] for row in table.values())
    print(f"\n{case}: {whole:.1f} ms of one core a frame, mean of {frames}")
    print(f"  {'stage':12}{'ms':>8}{'median':>8}{'floor':>8}{'times':>7}")
    for stage, row in table.items():
        times = row["ms"] / row["floor_ms"] if row["floor_ms"] > 0.05 else float("nan")
        beyond = row["ms"] > 0.5 and not times <= 2.0
        reason = REASONS.get(stage, "beyond twice its floor") if beyond else ""
        shown = f"{times:7.1f}" if np.isfinite(times) else f"{'-':>7}"
        print(
            f"  {stage:12}{row['ms']:8.2f}{row['median_ms']:8.2f}{row['floor_ms']:8.2f}{shown}"
            f"  {reason}"
        )


def main() -> None:
    """Prints a table for each case and records both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--warm", type=int, default=30, help="frames before, not counted")
    parser.add_argument("--case", choices=sorted(CASES), action="append")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    clock = Clock()
    clock.watch_context()
    for stages, gl in ((_CPU_STAGES, False), (_GL_STAGES, True)):
        for owner, name, stage in stages:
            clock.wrap(owner, name, stage, gl=gl)
    figures = {}
    renderer = ""
    for case in args.case or CASES:
        table, renderer = measure(clock, CASES[case], frames=args.frames, warm=args.warm)
        show(case, table, args.frames)
        figures[case] = table
    record("stages", figures, renderer=renderer)


if __name__ == "__main__":
    main()
