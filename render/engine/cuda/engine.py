"""EXPERIMENTAL: the engine of compiled kernels, with its faces drawn by a CUDA device.

On the device: points, ids, depth and whole outlines of all that has no holes cut into it by an
image and lies wholly before the near plane, under a camera without distortion. Everything else is
as in `engine=cpu` and on the CPU: the other bodies, shadows, occlusion, colour and smoothing.

Its buffers equal those of `engine=cpu` bit for bit on Warp's CPU backend, which is where it was
tested. Its kernels compile for CUDA, and have not been run on a GPU.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import final

import numba

from render.buffers import Buffers, Silhouette
from render.engine.base import AbstractEngine, DeviceInfo
from render.engine.cpu.engine import CpuEngine
from render.engine.cuda.loader import device_of, load_warp
from render.scene import Instance, Scene

__all__ = ["CudaEngine"]


@final
class CudaEngine(AbstractEngine):
    """Draws scenes with one device and one core."""

    def __init__(self, *, device: str | int = "auto") -> None:
        """Compiles the kernels, where no earlier process of this user did.

        Args:
            device: ``auto`` is the first GPU that CUDA shows; a number as CUDA numbers them; or
                ``cpu``: Warp's kernels without a GPU.

        Raises:
            EngineError: Warp is not installed, or there is no such device.

        """
        wp = load_warp()
        self._device = device_of(wp, device)
        # It imports Warp, which is not to be needed before.
        from render.engine.cuda.drawer import WarpDrawer

        versions = f"Warp {wp.config.version}, Numba {numba.__version__}"
        is_gpu = bool(self._device.is_cuda)
        self._info = DeviceInfo(
            platform="cuda" if is_gpu else "cpu",
            device=str(self._device.ordinal) if is_gpu else "cpu",
            vendor="NVIDIA" if is_gpu else "render",
            renderer=f"{self._device.name} and compiled kernels ({platform.machine()})",
            version=versions,
            is_gpu=is_gpu,
        )
        self._engine = CpuEngine(WarpDrawer(self._device))

    @property
    def info(self) -> DeviceInfo:
        return self._info

    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        """Colour, depth and ids of one scene; see `CpuEngine.render`."""
        return self._engine.render(scene, with_faces=with_faces)

    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        """The amodal outline of each of some instances; see `AbstractEngine.silhouettes`."""
        return self._engine.silhouettes(scene, instances)

    def close(self) -> None:
        """Frees its memory; a second call does nothing."""
        self._engine.close()
