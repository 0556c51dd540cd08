"""What GL this machine has, for the doctor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from render.engine.pyrender.context import candidates
from render.errors import EngineError

__all__ = ["ProbeResult", "probe"]


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """One platform and device that was tried.

    Attributes:
        platform: ``egl`` or ``osmesa``.
        device: What ``engine.device`` takes to choose it.
        ok: A context could be made.
        renderer: GL_RENDERER; "" where it failed.
        is_gpu: False for a software rasterizer.
        chosen: ``engine.platform=auto engine.device=auto`` takes this one.
        error: Why it failed; "" where it is ok.

    """

    platform: str
    device: str
    ok: bool
    renderer: str = ""
    is_gpu: bool = False
    chosen: bool = False
    error: str = ""


def probe() -> list[ProbeResult]:
    """Tries every platform and device, in the order in which a run would."""
    results: list[ProbeResult] = []
    for candidate in candidates("auto", "auto"):
        result = ProbeResult(platform=candidate.platform, device=candidate.device, ok=False)
        try:
            context = candidate.open()
        except EngineError as error:
            results.append(replace(result, error=str(error)))
            continue
        info = context.info
        context.close()
        results.append(replace(result, ok=True, renderer=info.renderer, is_gpu=info.is_gpu))
    works = [i for i, result in enumerate(results) if result.ok]
    if works:
        # The same rule as `choose`: the first GPU, else the first that works.
        best = next((i for i in works if results[i].is_gpu), works[0])
        results[best] = replace(results[best], chosen=True)
    return results
