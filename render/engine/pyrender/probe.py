"""What GL this machine has, for the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from render.engine.pyrender.context import candidates, reason_for_software
from render.errors import EngineError

__all__ = ["ProbeResult", "probe"]


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """One platform and device that was tried.

    Attributes:
        platform: ``egl`` or ``osmesa``.
        device: What ``engine.device`` takes to choose it.
        ok: A context could be made.
        vendor: GL_VENDOR; "" where it failed, as the two below.
        renderer: GL_RENDERER.
        version: GL_VERSION.
        is_gpu: False for a software rasterizer.
        chosen: ``engine.platform=auto engine.device=auto`` takes this one.
        error: Why it failed; "" where it is ok.
        remark: Why the chosen one is software though a GPU seems to be there; else "".

    """

    platform: str
    device: str
    ok: bool
    vendor: str = ""
    renderer: str = ""
    version: str = ""
    is_gpu: bool = False
    chosen: bool = False
    error: str = ""
    remark: str = ""


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
        results.append(
            replace(
                result,
                ok=True,
                vendor=info.vendor,
                renderer=info.renderer,
                version=info.version,
                is_gpu=info.is_gpu,
            )
        )
    chosen = _chosen(results)
    if chosen is None:
        return results
    failed = {r.device: f"{r.platform} {r.device}: {r.error}" for r in results if not r.ok}
    remark = "" if chosen.is_gpu else reason_for_software(failed)
    of_chosen = replace(chosen, chosen=True, remark=remark)
    return [of_chosen if result is chosen else result for result in results]


def _chosen(results: Sequence[ProbeResult]) -> ProbeResult | None:
    """The rule of `choose`: the first that works, unless a GPU follows among EGL's devices."""
    works = [result for result in results if result.ok]
    if not works or works[0].is_gpu:
        return works[0] if works else None
    gpus = (result for result in works if result.is_gpu and result.device.isdecimal())
    return next(gpus, works[0])
