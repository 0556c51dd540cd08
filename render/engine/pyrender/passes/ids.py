"""Ids and depth: one sample at the pixel's centre."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import (
    attach_depth,
    clear_depth,
    clear_float,
    clear_int,
    delete_renderbuffer,
    release_framebuffer,
)
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.naming import named_faces
from render.engine.pyrender.passes.draws import Draw, GeometryPrograms, UploadedScene

__all__ = ["GBuffer", "IdPass", "IdTargets", "Ids"]


class IdPass:
    """Which instance each pixel shows, and how deep it lies."""

    def __init__(self, context: GlContext, gpu_cache: GpuCache) -> None:
        self._context = context
        self._programs = GeometryPrograms(context, "ids.frag", gpu_cache, "NAMED")
        self._targets: IdTargets | None = None

    def render(self, uploaded: UploadedScene) -> Ids:
        """What the pixels' centres show."""
        targets = self._targets_for(uploaded.scene.camera.size_wh)
        targets.clear(self._context)
        self._context.mgl.enable_only(moderngl.DEPTH_TEST)
        for draw in chain(uploaded.draws, uploaded.surfaces):
            self._draw(draw)
        return targets.read(uploaded)

    def gbuffer(self, uploaded: UploadedScene, ids: Ids) -> GBuffer:
        """What the passes that shade need.

        Args:
            uploaded: The scene.
            ids: What `render` gave for it just before. Unlike there, unseen catchers of shadows
                are in what comes back, and see-through surfaces are not.

        """
        targets = self._targets_for(uploaded.scene.camera.size_wh)
        targets.framebuffer.use()
        self._context.mgl.enable_only(moderngl.DEPTH_TEST)
        if any(draw.material.alpha_mode == "blend" for draw in uploaded.draws):
            targets.clear(self._context)
            for draw in uploaded.solid:
                self._draw(draw)
            ids = targets.read(uploaded)
        elif uploaded.catchers:
            for draw in uploaded.catchers:
                self._draw(draw)
            ids = targets.read(uploaded)
        return GBuffer(
            depth=targets.depth,
            drawn=targets.drawn,
            depth_buffer=targets.depth_buffer,
            pixels=ids,
        )

    def _draw(self, draw: Draw) -> None:
        self._programs.draw(draw, u_draw_idx=draw.draw_idx)

    def _targets_for(self, size_wh: tuple[int, int]) -> IdTargets:
        if self._targets is None or self._targets.depth.size != size_wh:
            if self._targets is not None:
                self._targets.release(self._context)
            self._targets = IdTargets.of(self._context, size_wh)
        return self._targets


@dataclass(frozen=True, eq=False, kw_only=True)
class GBuffer:
    """What the centre of each pixel shows, as textures: what the passes that shade read.

    Attributes:
        depth: Metres along the axis; 0 = nothing.
        drawn: `Draw.draw_idx` (-1 = nothing), and which face of its mesh: the vertex it ends
            with.
        depth_buffer: GL's name of the depth buffer.
        pixels: What the centres show, in main memory.

    """

    depth: moderngl.Texture
    drawn: moderngl.Texture
    depth_buffer: int
    pixels: Ids


@dataclass(frozen=True, eq=False, kw_only=True)
class Ids:
    """What the centre of each pixel shows, in main memory; all ``(H, W)``.

    Attributes:
        depth_m: Along the axis; 0 = nothing.
        draw_idx: -1 = nothing.
        body_idx: Index into `UploadedScene.bodies`, the first of which are the instances; -1 =
            nothing.
        ends_with: The vertex, of the mesh drawn there, that its face ends with.

    """

    depth_m: NDArray[np.float32]
    draw_idx: NDArray[np.int32]
    body_idx: NDArray[np.int32]
    ends_with: NDArray[np.int32]

    def labelled(self, uploaded: UploadedScene) -> NDArray[np.int32]:
        """`Buffers.instance_idx`: the labelled instance, -1 where there is none."""
        names = np.full(len(uploaded.bodies) + 1, -1, np.int32)
        for instance in uploaded.scene.labelled_instances:
            names[instance.instance_idx] = instance.instance_idx
        # -1, nothing, looks up the last one.
        return names.take(self.body_idx, mode="wrap")

    def faces(self, uploaded: UploadedScene) -> NDArray[np.int32]:
        """`Buffers.faces`: instance, primitive and face of it; -1 where there is no instance."""
        faces = np.full((*self.draw_idx.shape, 3), -1, np.int32)
        for instance_idx, draws in enumerate(uploaded.draws_by_instance):
            named = named_faces(uploaded.scene.instances[instance_idx].model)
            for k, draw in enumerate(draws):
                there = self.draw_idx == draw.draw_idx
                faces[there, 0] = instance_idx
                faces[there, 1] = k
                faces[there, 2] = named[k].face_of[self.ends_with[there]]
        return faces


@dataclass(frozen=True, eq=False)
class IdTargets:
    """What draws, their faces and depth are drawn into."""

    drawn: moderngl.Texture
    depth: moderngl.Texture
    framebuffer: moderngl.Framebuffer
    depth_buffer: int

    @classmethod
    def of(cls, context: GlContext, size_wh: tuple[int, int]) -> IdTargets:
        """Targets of the size of an image."""
        drawn = context.mgl.texture(size_wh, 2, dtype="i4")
        depth = context.mgl.texture(size_wh, 1, dtype="f4")
        for texture in (drawn, depth):
            texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        framebuffer = context.mgl.framebuffer([drawn, depth])
        buffer = attach_depth(context, framebuffer, size_wh=size_wh)
        return cls(drawn, depth, framebuffer, buffer)

    def clear(self, context: GlContext) -> None:
        """Binds them, with nothing in them."""
        self.framebuffer.use()
        clear_int(context, 0, -1)
        clear_float(context, 1, 0.0)
        clear_depth(context)

    def read(self, uploaded: UploadedScene) -> Ids:
        """What was drawn."""
        shape = self.depth.height, self.depth.width
        drawn, depth_m = np.empty((*shape, 2), np.int32), np.empty(shape, np.float32)
        self.drawn.read_into(drawn)
        self.depth.read_into(depth_m)
        draws = sorted(
            chain(uploaded.draws, uploaded.surfaces, uploaded.catchers), key=lambda d: d.draw_idx
        )
        draw_idx, ends_with = (np.asarray(x, np.int32) for x in cv2.split(drawn))
        # -1, nothing, looks up the last one.
        return Ids(
            depth_m=depth_m,
            draw_idx=draw_idx,
            body_idx=np.array([*(d.body_idx for d in draws), -1], np.int32).take(
                draw_idx, mode="wrap"
            ),
            ends_with=ends_with,
        )

    def release(self, context: GlContext) -> None:
        """Frees them."""
        release_framebuffer(context, self.framebuffer)
        self.drawn.release()
        self.depth.release()
        delete_renderbuffer(context, self.depth_buffer)
