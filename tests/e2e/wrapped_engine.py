"""An engine as users' plug-ins in these tests bring one: another one, with something around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from render.buffers import Buffers, Silhouette
from render.engine.base import AbstractEngine, DeviceInfo
from render.engine.cpu.engine import CpuEngine
from render.scene import Instance, Scene


class WrappedEngine(AbstractEngine):
    """Draws what its inner engine draws."""

    inner: ClassVar[type[Any]] = CpuEngine

    def __init__(self, **options: Any) -> None:
        self._inner: AbstractEngine = self.inner(**options)

    @property
    def info(self) -> DeviceInfo:
        return self._inner.info

    def render(self, scene: Scene, **options: Any) -> Buffers:
        return self._inner.render(scene, **options)

    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        return self._inner.silhouettes(scene, instances)

    def close(self) -> None:
        self._inner.close()
