"""The least that GL takes for what the passes do: bare draws, bare whole-image passes, reading.

In a context of its own, with the same meshes at the same places, the smallest shaders that fill
the same buffers, and as many texture look-ups as the method of the pass is made of.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import moderngl
import numpy as np

from render.engine.pyrender.context import choose
from render.engine.pyrender.gl import Program, clear_depth, use_reversed_depth
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.passes.draws import UploadedScene, upload
from render.scene import Scene

__all__ = ["GlFloors"]

_VERTEX = """#version 410 core
layout(location = 0) in vec3 a_position;
uniform mat4 u_clip_obj;
void main() { gl_Position = u_clip_obj * vec4(a_position, 1.0); }
"""
_WHOLE = """#version 410 core
void main() {
    gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}
"""
_IDS = """#version 410 core
uniform int u_id;
layout(location = 0) out int o_id;
layout(location = 1) out float o_depth;
void main() { o_id = u_id; o_depth = 1.0 / gl_FragCoord.w; }
"""
_ONE_INT = """#version 410 core
uniform int u_id;
layout(location = 0) out int o_id;
void main() { o_id = u_id; }
"""
_NOTHING = "#version 410 core\nvoid main() {}\n"
# One look-up for each tap, and nothing worked out from it.
_TAPS = """#version 410 core
uniform sampler2D u_source;
uniform int u_taps;
layout(location = 0) out vec4 o_sum;
void main() {
    vec2 at = gl_FragCoord.xy / vec2(textureSize(u_source, 0));
    vec4 sum = vec4(0.0);
    for (int i = 0; i < u_taps; ++i) sum += textureLod(u_source, fract(at + 0.003 * i), 0.0);
    o_sum = sum;
}
"""
_ATLAS_PX = 2048
# As in shadow.frag, whose search no lit pixel can do without, and occlusion.frag.
_SHADOW_TAPS, _OCCLUSION_TAPS = 8, 20
# Ids, three vertices of nine numbers in three texels each, occlusion, two images of shadows.
_SHADE_TAPS = 13


class GlFloors:
    """Milliseconds of one core by stage, for scenes of one size."""

    def __init__(self, size_wh: tuple[int, int]) -> None:
        self._context = choose("auto", "auto")
        use_reversed_depth(self._context)
        gl = self._gl = self._context.mgl
        gl.depth_func, gl.front_face = ">", "cw"
        self._gpu_cache = GpuCache(self._context, budget_bytes=1 << 30)
        self._ids, self._int, self._nothing = (
            Program(gl.program(vertex_shader=_VERTEX, fragment_shader=fragment))
            for fragment in (_IDS, _ONE_INT, _NOTHING)
        )
        self._taps = Program(gl.program(vertex_shader=_WHOLE, fragment_shader=_TAPS))
        self._whole = gl.vertex_array(self._taps.raw, [])
        half = (size_wh[0] // 2, size_wh[1] // 2)
        self._id, self._depth = (gl.texture(size_wh, 1, dtype=kind) for kind in ("i4", "f4"))
        self._radiance = gl.texture(size_wh, 4, dtype="f4")
        self._atlas = gl.depth_texture((_ATLAS_PX, _ATLAS_PX))
        self._atlas.compare_func = ""
        self._visible = gl.framebuffer(
            [self._id, self._depth], gl.depth_renderbuffer(size_wh)
        )  # fmt: skip
        self._alone = gl.framebuffer([self._id])
        self._light = gl.framebuffer(depth_attachment=self._atlas)
        self._full = gl.framebuffer([self._radiance])
        self._half = gl.framebuffer([gl.texture(half, 4, dtype="f4")])

    def of(self, scene: Scene) -> dict[str, float]:
        """Milliseconds of ids, silhouettes, shadows, occlusion and colour, under these names."""
        self._context.make_current()
        self._gpu_cache.trim()
        uploaded = upload(scene, self._gpu_cache)
        lights = sum(1 for x in scene.lights if x.casts_shadow)
        stages: dict[str, Callable[[], None]] = {
            "ids": lambda: self._draw_ids(uploaded),
            "silhouettes": lambda: self._draw_alone(uploaded),
            "shadows": lambda: self._draw_shadows(uploaded, min(lights, 8)),
            "occlusion": lambda: self._look_up(self._half, self._depth, _OCCLUSION_TAPS),
            "colour": lambda: self._draw_color(uploaded),
        }
        return {name: self._ms(work) for name, work in stages.items()}

    def close(self) -> None:
        """Frees the context."""
        self._context.close()

    def _ms(self, work: Callable[[], None]) -> float:
        took = []
        for _ in range(2):  # the first may compile for a state of GL
            began_s = time.process_time()
            work()
            self._gl.finish()
            took.append(time.process_time() - began_s)
        return 1e3 * min(took)

    def _draw(self, uploaded: UploadedScene, program: Program, *, surfaces: bool) -> None:
        for draws in (uploaded.draws, uploaded.surfaces if surfaces else ()):
            for draw in draws:
                cull = self._gl.enable if draw.culls else self._gl.disable
                cull(moderngl.CULL_FACE)
                program.write("u_clip_obj", draw.clip_obj)
                program.set("u_id", draw.instance_idx)
                draw.mesh.draw(self._gl, program)

    def _draw_ids(self, uploaded: UploadedScene) -> None:
        self._visible.use()
        clear_depth(self._context)
        self._gl.enable_only(moderngl.DEPTH_TEST)
        self._draw(uploaded, self._ids, surfaces=True)
        self._id.read()
        self._depth.read()

    def _draw_alone(self, uploaded: UploadedScene) -> None:
        self._alone.use()
        self._gl.enable_only(moderngl.NOTHING)
        self._draw(uploaded, self._int, surfaces=False)
        self._id.read()

    def _draw_shadows(self, uploaded: UploadedScene, lights: int) -> None:
        if lights == 0:
            return
        tiles = int(np.ceil(np.sqrt(lights)))
        side = _ATLAS_PX // tiles
        self._light.use()
        clear_depth(self._context)
        self._gl.enable_only(moderngl.DEPTH_TEST)
        for i in range(lights):
            self._light.viewport = (i % tiles * side, i // tiles * side, side, side)
            self._draw(uploaded, self._nothing, surfaces=False)
        self._full.scissor = _busy(uploaded)
        self._look_up(self._full, self._atlas, lights * _SHADOW_TAPS)
        self._full.scissor = None  # type: ignore[assignment]

    def _draw_color(self, uploaded: UploadedScene) -> None:
        self._full.scissor = _busy(uploaded)
        self._look_up(self._full, self._depth, _SHADE_TAPS)
        self._full.scissor = None  # type: ignore[assignment]
        self._radiance.read()

    def _look_up(self, into: moderngl.Framebuffer, source: moderngl.Texture, taps: int) -> None:
        into.use()
        self._gl.enable_only(moderngl.NOTHING)
        source.use(0)
        self._taps.set("u_taps", taps)
        self._whole.render(moderngl.TRIANGLES, vertices=3)


def _busy(uploaded: UploadedScene) -> tuple[int, int, int, int]:
    """Pixels that can show anything but the backdrop: x, y, width, height."""
    if uploaded.surfaces or uploaded.catchers:
        return (0, 0, *uploaded.scene.camera.size_wh)
    some = [(x, y, x + w, y + h) for x, y, w, h in uploaded.windows if w > 0]
    low, high = np.min(some, axis=0), np.max(some, axis=0)
    return (int(low[0]), int(low[1]), int(high[2] - low[0]), int(high[3] - low[1]))
