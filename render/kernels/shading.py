"""Radiance of what pixels show, one part of the scene at a time; as `shading.glsl` has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    BARE,
    CA,
    CHUNK,
    GLOW_B,
    GLOW_G,
    GLOW_R,
    OUT_B,
    OUT_G,
    OUT_R,
    RECEIVED,
)  # fmt: skip
from render.kernels.coats import begin_coat, end_coat, lay_coat, pass_light
from render.kernels.compiled import kernel
from render.kernels.environment import add_bare, add_sky, find_open, pass_sky
from render.kernels.lights import CHANNEL, add_light, arrive, count_light
from render.kernels.materials import (
    BLEND,
    CATCHER,
    CLEARCOAT,
    NORMAL_MAP,
    NORMAL_SCALE,
    OCCLUSION_MAP,
    OCCLUSION_STRENGTH,
    TRANSLUCENCY,
    find_material,
    map_normal,
    map_occlusion,
    read_textures,
)  # fmt: skip
from render.kernels.shadows import cast
from render.kernels.surface_points import meet_faces, tint, turn_to_camera

__all__ = ["blend_over", "pixels_of_parts", "shade_part"]

Array = Any

_MOST = 6e4

f4: Any = np.float32
U: Any = np.uint64


@kernel
def pixels_of_parts(
    shown: Array, first_face: Array, n_parts: int, runs: Array, pixels: Array, faces: Array,
    starts: Array,
) -> None:  # fmt: skip
    """Sorts the pixels of a picture by the part that they show, nothing last.

    Args:
        shown: ``(N,)`` int32: the face of each; -1 = nothing.
        first_face: ``(n_parts + 1,)`` int64: of each part, and one past the last of all.
        n_parts: How many parts there are.
        runs: ``(N + 1, 2)`` int32, scratch.
        pixels: ``(N,)`` int32, gets their numbers.
        faces: ``(N,)`` int32, gets their faces.
        starts: ``(n_parts + 2,)`` int64, gets where each part begins among these.

    """
    for k in range(n_parts + 2):
        starts[k] = 0
    n_runs, part, begin, end = 0, -1, np.int64(0), np.int64(0)
    for p in range(len(shown)):
        face = np.int64(shown[U(p)])
        if part >= 0 and begin <= face < end:
            continue
        if face < 0:
            part, begin, end = n_parts, np.int64(-1), np.int64(0)
        else:
            low, high = 0, n_parts
            while high - low > 1:
                middle = (low + high) // 2
                if first_face[middle] <= face:
                    low = middle
                else:
                    high = middle
            part, begin, end = low, first_face[low], first_face[low + 1]
        runs[n_runs, 0], runs[n_runs, 1] = p, part
        n_runs += 1
    runs[n_runs, 0] = len(shown)
    for r in range(n_runs):
        starts[runs[r, 1] + 1] += runs[r + 1, 0] - runs[r, 0]
    for k in range(n_parts + 1):
        starts[k + 1] += starts[k]
    for r in range(n_runs):
        to = starts[runs[r, 1]]
        for p in range(runs[r, 0], runs[r + 1, 0]):
            pixels[U(to)], faces[U(to)] = p, shown[U(p)]
            to += 1
        starts[runs[r, 1]] = to
    for k in range(n_parts + 1, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0


@kernel
def shade_part(
    S: Array, SI: Array, pixels: Array, faces_shown: Array, first_face: int, width: int,
    lens: Array, faces: Array, vertices: Array, colors: Array, obj_cam: Array, R_cam_obj: Array,
    center: Array, numbers: Array, flags: Array, textures: Any, open_share: Array, depth: Array,
    sky: Array, split_sum: Array, mirror: Array, glossy: Array, lights: Array, views: Array,
    maps: Array, nearest: Array, side: int, spirals: Array, luminance: Array, radiance: Array,
    layer: Array,
) -> None:  # fmt: skip
    """Shades pixels that show faces of one material of a mesh.

    Args:
        S, SI: Scratch: ``(N_ROWS * CHUNK,)`` float32, ``(N_INT_ROWS * CHUNK,)`` int32.
        pixels, faces_shown, first_face, width, lens, faces, vertices, colors, obj_cam: See
            `meet_faces` and `tint`.
        R_cam_obj: ``(3, 3)`` float32.
        center: ``(3,)`` float32: where the mesh counts from, object frame.
        numbers, flags, textures: The material; see `render.kernels.materials`.
        open_share, depth: See `find_open`.
        sky, split_sum, mirror, glossy: See `add_sky`.
        lights: ``(L, LIGHT_NUMBERS)`` float32.
        views: ``(V, VIEW_NUMBERS)`` float32: of the lights that cast shadows.
        maps: ``(V, side * side)`` float32: their depth maps.
        nearest: ``(V, LEVELS, blocks * blocks)`` float32: bounds of these.
        side: Pixels of a depth map.
        spirals: See `cast`.
        luminance: ``(3,)`` float32: weights of the colours.
        radiance: ``(H * W, 3)`` float32: gets that of solid surfaces; what catches shadows
            darkens what is there.
        layer: ``(len(pixels), 4)`` float32, gets radiance times opacity, and opacity, of
            see-through surfaces; ``(0, 4)`` for others.

    """
    for first in range(0, len(pixels), CHUNK):
        n = min(CHUNK, len(pixels) - first)
        at, shown = pixels[first : first + n], faces_shown[first : first + n]
        meet_faces(S, n, at, shown, first_face, width, faces, vertices, lens, obj_cam)
        if flags[CATCHER]:
            turn_to_camera(S, n, R_cam_obj)
            find_open(S, n, open_share, depth)
            add_bare(S, n, sky, luminance)
        else:
            tint(S, n, shown, first_face, faces, colors, numbers)
            read_textures(S, SI, n, numbers, flags, textures, center)
            find_material(S, n, numbers, flags)
            if flags[NORMAL_MAP]:
                map_normal(S, n, numbers[NORMAL_SCALE])
            turn_to_camera(S, n, R_cam_obj)
            find_open(S, n, open_share, depth)
            if flags[OCCLUSION_MAP]:
                map_occlusion(S, n, numbers[OCCLUSION_STRENGTH])
            if numbers[CLEARCOAT] > f4(0.0):
                begin_coat(S, n)
                add_sky(S, n, sky, split_sum, mirror, glossy)
                for k in range(len(lights)):
                    _fall(S, SI, n, lights[k], views, maps, nearest, side, spirals)
                    add_light(S, n, lights[k])
                end_coat(S, n)
            add_sky(S, n, sky, split_sum, mirror, glossy)
            if numbers[TRANSLUCENCY] > f4(0.0):
                pass_sky(S, n, sky, numbers[TRANSLUCENCY])
        for k in range(len(lights)):
            light = lights[k]
            _fall(S, SI, n, light, views, maps, nearest, side, spirals)
            if flags[CATCHER]:
                count_light(S, n, light, luminance)
            else:
                add_light(S, n, light)
                if numbers[TRANSLUCENCY] > f4(0.0):
                    pass_light(S, n, light, numbers[TRANSLUCENCY])
        if numbers[CLEARCOAT] > f4(0.0) and not flags[CATCHER]:
            lay_coat(S, n, numbers[CLEARCOAT])
        if flags[CATCHER]:
            _darken(S, n, at, radiance)
        elif flags[BLEND]:
            _into_layer(S, n, layer[first : first + n])
        else:
            _into_picture(S, n, at, radiance)


@kernel
def _fall(
    S: Array, SI: Array, n: int, light: Array, views: Array, maps: Array, nearest: Array,
    side: int, spirals: Array,
) -> None:  # fmt: skip
    """How a light falls on each point, shadows included."""
    arrive(S, n, light)
    channel = int(light[CHANNEL])
    if channel >= 0:
        cast(S, SI, n, views[channel], maps[channel], nearest[channel], side, spirals)


@kernel
def _darken(S: Array, n: int, pixels: Array, radiance: Array) -> None:
    for i in range(n):
        j, p = U(i), U(pixels[i])
        kept = min(max(S[RECEIVED + j] / max(S[BARE + j], f4(1e-6)), f4(0.0)), f4(1.0))
        for c in range(3):
            radiance[p, U(c)] *= kept


@kernel
def _into_layer(S: Array, n: int, layer: Array) -> None:
    for i in range(n):
        j, p = U(i), U(i)
        opacity = min(max(S[CA + j], f4(0.0)), f4(1.0))
        layer[p, U(0)] = min(S[OUT_R + j] + S[GLOW_R + j], f4(_MOST)) * opacity
        layer[p, U(1)] = min(S[OUT_G + j] + S[GLOW_G + j], f4(_MOST)) * opacity
        layer[p, U(2)] = min(S[OUT_B + j] + S[GLOW_B + j], f4(_MOST)) * opacity
        layer[p, U(3)] = opacity


@kernel
def _into_picture(S: Array, n: int, pixels: Array, radiance: Array) -> None:
    for i in range(n):
        j, p = U(i), U(pixels[i])
        radiance[p, U(0)] = min(S[OUT_R + j] + S[GLOW_R + j], f4(_MOST))
        radiance[p, U(1)] = min(S[OUT_G + j] + S[GLOW_G + j], f4(_MOST))
        radiance[p, U(2)] = min(S[OUT_B + j] + S[GLOW_B + j], f4(_MOST))


@kernel
def blend_over(pixels: Array, layer: Array, blended: Array) -> None:
    """Blends samples over what is there, one after the other.

    Args:
        pixels: ``(N,)`` int32.
        layer: ``(N, 4)`` float32: radiance times opacity, opacity.
        blended: ``(H * W, 4)`` float32, likewise.

    """
    for k in range(len(pixels)):
        p = U(pixels[k])
        through = f4(1.0) - layer[k, 3]
        for c in range(4):
            blended[p, U(c)] = layer[k, c] + blended[p, U(c)] * through
