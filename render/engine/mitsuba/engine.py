"""The path tracer: pictures by Mitsuba 3, labels by the rasterizer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.engine.base import AbstractEngine, DeviceInfo
from render.engine.lens import pinhole_scene, pixel_rays, through_lens
from render.engine.mitsuba.geometry import Part, origin_of, parts_of, sensor_of, shape_of, visible
from render.engine.mitsuba.lights import emitters_of
from render.engine.mitsuba.loader import load_mitsuba
from render.engine.mitsuba.materials import bsdf_of, emission_of
from render.engine.pyrender.engine import PyrenderEngine
from render.errors import ConfigError
from render.scene import Instance, Scene
from render.sensor.color import LUMINANCE

__all__ = ["MitsubaEngine"]

_LUMINANCE = LUMINANCE.astype(np.float32)
_BLACK = {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.0}}
_WHITE = {"type": "diffuse", "reflectance": {"type": "rgb", "value": 1.0}}

Picture = NDArray[np.float32]


@final
class MitsubaEngine(AbstractEngine):
    """Traces paths through the same scene; ids, depth and outlines are the rasterizer's.

    Light that a thing sends out falls on others, ground and walls reflect light into objects,
    and every light casts shadows. Lamps are not seen. Equal scenes give equal bytes.
    """

    def __init__(
        self,
        *,
        samples: int = 64,
        max_depth: int = 8,
        seed: int = 0,
        variant: str = "auto",
        platform: str = "auto",
        device: str | int = "auto",
    ) -> None:
        """Loads Mitsuba and opens a context for the labels.

        Args:
            samples: Paths per pixel; noise falls with their square root.
            max_depth: Segments of the longest path, from the eye; 2 is direct light alone.
            seed: Another seed gives other noise.
            variant: Mitsuba's mode, such as ``llvm_ad_rgb``; see `load_mitsuba`.
            platform: What the rasterizer draws ids and depth with; see `PyrenderEngine`.
            device: Likewise.

        Raises:
            ConfigError: A number is out of range.
            EngineError: Mitsuba is not installed, or no GL platform works.

        """
        for name, value in (("samples", samples), ("max_depth", max_depth)):
            if value < 1:
                raise ConfigError(f"engine.{name} must be at least 1, got {value}")
        self._mi: Any = load_mitsuba(variant)
        self._samples, self._max_depth, self._seed = samples, max_depth, seed
        self._raster = PyrenderEngine(platform=platform, device=device)

    @property
    def info(self) -> DeviceInfo:
        raster, mi = self._raster.info, self._mi
        tracer = f"Mitsuba {mi.__version__} {mi.variant()}, labels by {raster.renderer}"
        return replace(raster, renderer=tracer)

    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        """Colour, depth and ids of one scene.

        Raises:
            EngineError: As the rasterizer; or pixels are not square.

        """
        pinhole = pinhole_scene(scene) if scene.camera.distortion else scene
        bare = replace(pinhole, instances=(), surfaces=(), lights=(), environment=None)
        backdrop = self._raster.render(bare).radiance
        # After the backdrop: the silhouettes of this scene, which follow, find it prepared.
        labels = self._raster.render(scene, with_faces=with_faces)
        radiance = self._traced(pinhole, backdrop)
        if scene.camera.distortion:
            radiance = through_lens(radiance, pinhole, scene, pixel_rays(scene.camera))
        return replace(labels, radiance=radiance)

    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        """The amodal outline of each of some instances; see `AbstractEngine.silhouettes`."""
        return self._raster.silhouettes(scene, instances)

    def close(self) -> None:
        """Frees the context; a second call does nothing."""
        self._raster.close()

    def _traced(self, scene: Scene, backdrop: Picture) -> Picture:
        """Radiance of the scene of a pinhole camera, its things before its backdrop."""
        parts = list(visible(scene))
        solid = [p for p in parts if not p.is_catcher]
        radiance, alpha = self._seen(scene, solid)
        through = (1.0 - alpha)[..., None]
        if len(solid) < len(parts):
            through = self._through_catchers(scene, parts, through)
        return radiance + backdrop * through

    def _seen(self, scene: Scene, parts: list[Part]) -> tuple[Picture, Picture]:
        """Radiance of all solid things, premultiplied, and how much of each pixel they fill."""
        mi, origin = self._mi, origin_of(scene)
        emissions = [emission_of(mi, part) for part in parts]
        lit = self._world(scene, parts, lambda part: bsdf_of(mi, part))
        radiance, alpha = self._trace(lit | emitters_of(mi, scene, origin), scene)
        if any(emissions):
            # What is lit and what shines add up; a hidden lamp would hide shining things, too.
            glow = self._world(
                scene, parts, lambda part: bsdf_of(mi, part), lambda part: emission_of(mi, part)
            )
            radiance = radiance + self._trace(glow, scene, hides_emitters=False)[0]
        return radiance, alpha

    def _through_catchers(self, scene: Scene, parts: list[Part], through: Picture) -> Picture:
        """``(H, W, 1)`` share of the backdrop that is left beside things and their shadows.

        A catcher's light with black things on it, over its light without them.
        """
        emitters = emitters_of(self._mi, scene, origin_of(scene))
        lights = [
            self._trace(
                self._world(scene, some, lambda part: _WHITE if part.is_catcher else _BLACK)
                | emitters,
                scene,
                max_depth=2,
            )
            for some in (parts, [p for p in parts if p.is_catcher])
        ]
        (shaded, _), (bare, covered) = lights
        kept = (shaded @ _LUMINANCE)[..., None] / np.maximum(bare @ _LUMINANCE, 1e-6)[..., None]
        caught = np.minimum(np.clip(kept, 0.0, 1.0), through)
        share = covered[..., None]
        return np.asarray(share * caught + (1.0 - share) * through, dtype=np.float32)

    def _world(
        self,
        scene: Scene,
        parts: list[Part],
        bsdf: Callable[[Part], dict[str, Any]],
        emission: Callable[[Part], dict[str, Any] | None] = lambda part: None,
    ) -> dict[str, Any]:
        mi, origin = self._mi, origin_of(scene)
        world: dict[str, Any] = {"type": "scene"}
        for whole in parts:
            for part in parts_of(whole):
                plugins = {"bsdf": mi.load_dict(bsdf(part))}
                emitter = emission(part)
                if emitter is not None:
                    plugins["emitter"] = mi.load_dict(emitter)
                world[f"mesh_{len(world)}"] = shape_of(mi, part, origin, **plugins)
        return world

    def _trace(
        self,
        world: dict[str, Any],
        scene: Scene,
        *,
        max_depth: int | None = None,
        hides_emitters: bool = True,
    ) -> tuple[Picture, Picture]:
        """Radiance ``(H, W, 3)`` and alpha ``(H, W)``."""
        mi = self._mi
        if len(world) == 1:
            w, h = scene.camera.size_wh
            return np.zeros((h, w, 3), np.float32), np.zeros((h, w), np.float32)
        # The plain one takes see-through surfaces for solid when it looks for lamps.
        is_solid = all(m.alpha_mode == "opaque" for i in scene.instances for m in i.materials)
        integrator = {
            "type": "path" if is_solid else "volpath",
            "max_depth": max_depth or self._max_depth,
            "hide_emitters": hides_emitters,
        }
        sensor = sensor_of(mi, scene.camera, origin_of(scene), samples=self._samples)
        loaded = mi.load_dict(world | {"integrator": integrator, "sensor": sensor})
        rgba = np.array(mi.render(loaded, spp=self._samples, seed=_seed_of(scene, self._seed)))
        rgba = np.nan_to_num(rgba, nan=0.0, posinf=0.0, neginf=0.0)
        return np.asarray(rgba[..., :3], np.float32), np.clip(rgba[..., 3], 0.0, 1.0)


def _seed_of(scene: Scene, seed: int) -> int:
    """By where camera and things are: frames differ in their noise, equal ones do not."""
    digest = hashlib.sha256(str(seed).encode() + scene.camera.T_world_cam.tobytes())
    for instance in scene.instances:
        digest.update(instance.T_world_obj.tobytes())
    return int.from_bytes(digest.digest()[:4], "little")
