"""Time of the process by stage of a frame: functions and passes wrapped from outside."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import render.engine.cpu.engine as cpu_engine_module
import render.engine.cpu.visible as visible_module
import render.engine.pyrender.engine as gl_engine_module
import render.execute.worker as worker_module
import render.pipeline as pipeline_module
import render.plan as plan_module
from render.engine.cpu.color import ColorPass
from render.engine.cpu.occlusion import OcclusionPass
from render.engine.cpu.shadows import ShadowPass
from render.engine.cpu.visible import VisiblePass
from render.engine.edges import EdgeSmoother
from render.engine.pyrender.context import GlContext, choose
from render.engine.pyrender.passes.color import ColorPass as GlColorPass
from render.engine.pyrender.passes.ids import IdPass
from render.engine.pyrender.passes.occlusion import OcclusionPass as GlOcclusionPass
from render.engine.pyrender.passes.shadows import ShadowPass as GlShadowPass
from render.engine.pyrender.passes.silhouettes import SilhouettePass
from render.labels.tasks import TaskLabeller
from render.sampling.space import ThetaSpace

__all__ = ["Clock"]

# Owner, name, stage.
_WORKER_STAGES: tuple[tuple[Any, str, str], ...] = (
    (ThetaSpace, "draw", "draw"),
    (plan_module, "place", "place"),
    (pipeline_module, "assemble", "assemble"),
    (pipeline_module, "label", "label"),
    (pipeline_module, "check_invariants", "label"),
    (TaskLabeller, "add", "label"),
    (pipeline_module, "expose", "develop"),
    (pipeline_module, "develop", "develop"),
    (worker_module, "instance_rows", "rows"),
    (worker_module, "frame_row", "rows"),
    (worker_module, "encode", "encode"),
    (worker_module, "write_file", "write"),
)
_GL_STAGES: tuple[tuple[Any, str, str], ...] = (
    (gl_engine_module, "upload", "bodies"),
    (IdPass, "render", "ids"),
    (SilhouettePass, "render", "silhouettes"),
    (GlShadowPass, "render", "shadows"),
    (GlOcclusionPass, "render", "occlusion"),
    (GlColorPass, "render", "colour"),
)
# Of the compiled kernels; whole outlines are found with the ids. Edges are those of both engines.
_CPU_STAGES: tuple[tuple[Any, str, str], ...] = (
    (cpu_engine_module, "bodies_of", "bodies"),
    (VisiblePass, "ids", "ids"),
    (VisiblePass, "solid", "ids"),
    (visible_module, "list_fragments", "ids"),
    (VisiblePass, "outline", "silhouettes"),
    (ShadowPass, "render", "shadows"),
    (OcclusionPass, "render", "occlusion"),
    (ColorPass, "render", "colour"),
    (EdgeSmoother, "smooth", "edges"),
)


class Clock:
    """Time of the process by stage; what is called within a stage counts for the inner one.

    Attributes:
        ms: Milliseconds of each stage since `reset`.
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

    def watch_worker(self) -> None:
        """Wraps what a worker does beside its engine."""
        for owner, name, stage in _WORKER_STAGES:
            self.wrap(owner, name, stage, gl=False)

    def watch_context(self) -> None:
        """Learns of the context that the next engine opens, to wait for it."""

        def watched(platform: str, device: str) -> GlContext:
            context = choose(platform, device)
            self._finish = context.mgl.finish
            return context

        vars(gl_engine_module)["choose"] = watched

    def watch_passes(self) -> None:
        """Wraps the passes of all engines, those that are open too."""
        for owner, name, stage in _GL_STAGES:
            self.wrap(owner, name, stage, gl=True)
        for owner, name, stage in _CPU_STAGES:
            self.wrap(owner, name, stage, gl=False)
