"""The engine that this machine draws best with."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

from render.buffers import Buffers, Silhouette
from render.engine.base import AbstractEngine, DeviceInfo, Probe
from render.errors import EngineError
from render.scene import Instance, Scene

__all__ = ["AutoEngine"]

_LOG = logging.getLogger(__name__)

_PYRENDER = "render.engine.pyrender.engine.PyrenderEngine"
_CPU = "render.engine.cpu.engine.CpuEngine"


@final
class AutoEngine(AbstractEngine):
    """OpenGL where there is a GPU, or where its options ask for it; else compiled kernels."""

    def __init__(self, *, platform: str = "auto", device: str | int = "auto") -> None:
        """Starts the engine that is chosen.

        Args:
            platform: See `PyrenderEngine`.
            device: Likewise.

        Raises:
            EngineError: The options ask for OpenGL, and it cannot draw so here.

        """
        self._chosen = _start(_wants_gl(platform, device), platform, device)

    @classmethod
    def settled(
        cls, node: Mapping[str, Any], *, drew: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """The engine that is chosen, by name; see `AbstractEngine.settled`."""
        options = {name: value for name, value in node.items() if name != "_target_"}
        devices = options.get("device", "auto")
        first = devices[0] if isinstance(devices, list | tuple) and devices else devices
        uses_gl = (
            _wants_gl(str(options.get("platform", "auto")), first)
            if drew is None
            else drew.get("platform") != "cpu"
        )
        return {"_target_": _PYRENDER, **options} if uses_gl else {"_target_": _CPU}

    @classmethod
    def probe(cls, *, platform: str = "auto", device: str | int = "auto", **_: Any) -> Probe:
        """What the engine that is chosen could draw with; see `AbstractEngine.probe`."""
        uses_gl, remark = _choice(platform, device)
        if uses_gl:
            from render.engine.pyrender.engine import PyrenderEngine

            return PyrenderEngine.probe(platform=platform, device=device)
        from render.engine.cpu.engine import CpuEngine

        found = CpuEngine.probe()
        chosen = None if found.chosen is None else replace(found.chosen, remark=remark)
        return replace(found, chosen=chosen)

    @property
    def info(self) -> DeviceInfo:
        return self._chosen.info

    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        """Colour, depth and ids of one scene; see `AbstractEngine.render`."""
        return self._chosen.render(scene, with_faces=with_faces)

    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        """The amodal outline of each of some instances; see `AbstractEngine.silhouettes`."""
        return self._chosen.silhouettes(scene, instances)

    def close(self) -> None:
        """Ends the engine that was chosen."""
        self._chosen.close()


def _start(uses_gl: bool, platform: str, device: str | int) -> AbstractEngine:
    if uses_gl:
        from render.engine.pyrender.engine import PyrenderEngine

        return PyrenderEngine(platform=platform, device=device)
    from render.engine.cpu.engine import CpuEngine

    return CpuEngine()


def _wants_gl(platform: str, device: str | int) -> bool:
    """Whether OpenGL is asked for, or is there with a GPU behind it; warns of a GPU in vain."""
    uses_gl, remark = _choice(platform, device)
    if remark:
        _LOG.warning("frames are drawn on the CPU: %s", remark)
    return uses_gl


def _choice(platform: str, device: str | int) -> tuple[bool, str]:
    """Whether OpenGL draws, and why it does not though a GPU seems to be there; "": it is not.

    GL is only loaded where it is asked for, or where a device file tells of a GPU.
    """
    if platform != "auto" or str(device) != "auto":
        return True, ""
    # Without GL's libraries this is all that can be imported of that engine.
    from render.engine.pyrender.devices import gpu_file

    file = gpu_file()
    if file is None:
        return False, ""
    try:
        from render.engine.pyrender.engine import PyrenderEngine

        with PyrenderEngine() as engine:
            info = engine.info
    except (EngineError, ImportError, OSError) as error:
        return False, f"{file} is here, but cannot be used: {error}"
    return info.is_gpu, info.remark
