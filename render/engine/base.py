"""What every engine can do."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from render.buffers import Buffers, Silhouette
from render.errors import EngineError
from render.scene import Instance, Scene

__all__ = ["MAX_INSTANCES", "MAX_LIGHTS", "AbstractEngine", "DeviceInfo", "Probe", "Trial"]

MAX_INSTANCES = 65_535  # what a u16 mask file can name
MAX_LIGHTS = 32


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """What draws.

    Attributes:
        platform: ``egl``, ``osmesa``; without GL ``cpu`` or ``cuda``.
        device: What ``engine.device`` calls it, such as ``0`` or ``surfaceless``.
        vendor: GL_VENDOR, or who else made it.
        renderer: GL_RENDERER, or a name.
        version: GL_VERSION, or what else decides about bytes.
        is_gpu: False for a software rasterizer.
        remark: Why it is software though a GPU seems to be there; "" where all is as asked.

    """

    platform: str
    device: str
    vendor: str
    renderer: str
    version: str
    is_gpu: bool
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One device that was tried.

    Attributes:
        platform: ``egl`` or ``osmesa``.
        device: What ``engine.device`` takes to choose it.
        info: What draws there; None where it failed.
        error: Why it failed; "" where it did not.

    """

    platform: str
    device: str
    info: DeviceInfo | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What an engine could draw with on this machine.

    Attributes:
        trials: One for each device, in the order in which a run would try them.
        chosen: What a run draws with; None where it could not draw.
        failure: Why it could not, in a clause.
        advice: What could be done about that, in a sentence; "" where `failure` says all.

    """

    trials: tuple[Trial, ...]
    chosen: DeviceInfo | None
    failure: str = ""
    advice: str = ""


class AbstractEngine(abc.ABC):
    """Draws scenes. Holds a context: use as a context manager, in one thread."""

    @classmethod
    def settled(
        cls, node: Mapping[str, Any], *, drew: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """What a dataset says of the engine that a config names.

        An engine whose choice depends on the machine tells of the one that it chooses here, so
        that all processes and every later run draw with that.

        Args:
            node: Its part of the config: ``_target_`` and the options of the constructor.
            drew: The fields of `info` of what drew the frames that are there already.

        """
        return node

    @classmethod
    def probe(cls, **options: Any) -> Probe:
        """What it could draw with on this machine, for `python -m render.doctor`.

        An engine with a choice of devices tells of each; this tells of the one that it takes.

        Args:
            options: Those of the constructor.

        """
        try:
            with cls(**options) as engine:
                info = engine.info
        except EngineError as error:
            return Probe(trials=(), chosen=None, failure=str(error))
        trial = Trial(platform=info.platform, device=info.device, info=info)
        return Probe(trials=(trial,), chosen=info)

    @property
    @abc.abstractmethod
    def info(self) -> DeviceInfo:
        """What draws, as recorded in the dataset."""

    @abc.abstractmethod
    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        """Colour, depth and ids of one scene; on request, which face each pixel shows."""

    @abc.abstractmethod
    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        """The amodal outline of each of some instances, drawn alone.

        A pixel that `render` gives to an instance is always in its silhouette. Just after
        `render` of the same scene nothing of it is prepared again.

        Args:
            scene: What they are in.
            instances: Some of `scene.instances`; the outlines come in this order.

        """

    @abc.abstractmethod
    def close(self) -> None:
        """Frees the context. The engine cannot be used afterwards."""

    def __enter__(self) -> AbstractEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
