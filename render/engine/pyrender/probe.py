"""What GL this machine has, for the doctor."""

from __future__ import annotations

from render.engine.base import Probe, Trial
from render.engine.pyrender.context import NO_GL, DeviceCandidate, candidates, choose
from render.errors import EngineError

__all__ = ["probe"]


def probe(platform: str, device: str) -> Probe:
    """Tries every platform and device, in the order in which a run would.

    Args:
        platform: Which one a run is to take; see `choose`.
        device: Likewise.

    """
    try:
        trials = tuple(map(_tried, candidates("auto", "auto")))
    except EngineError as error:  # of CUDA_VISIBLE_DEVICES, before any is tried
        return Probe(trials=(), chosen=None, failure=str(error))
    try:
        context = choose(platform, device)
    except EngineError as error:
        if any(trial.info for trial in trials):
            return Probe(trials=trials, chosen=None, failure=str(error))
        advice = NO_GL.partition(";")[0]
        return Probe(trials=trials, chosen=None, failure="no OpenGL platform works", advice=advice)
    context.close()
    return Probe(trials=trials, chosen=context.info)


def _tried(candidate: DeviceCandidate) -> Trial:
    platform, device = candidate.platform, candidate.device
    try:
        context = candidate.open()
    except EngineError as error:
        return Trial(platform=platform, device=device, error=str(error))
    context.close()
    return Trial(platform=platform, device=device, info=context.info)
