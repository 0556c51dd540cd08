"""What a depth sensor looks at: exact depth, tilt and material of each pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.engine.lens import pixel_rays
from render.labels.surface_maps import ground_at, known_faces, points_cam, unit_normals
from render.sampling.depth_sensors import DepthView
from render.scene import Material, Primitive, Scene, Texture
from render.sensor.color import srgb_to_linear

__all__ = ["depth_view"]

_SAMPLES = 64  # texels along each side of a texture that its mean is taken of


def depth_view(scene: Scene, buffers: Buffers, normals: NDArray[np.uint16]) -> DepthView:
    """What a depth sensor looks at.

    Materials are those of the primitive that is seen: their numbers times the mean of their
    textures, so that print on a part changes nothing.

    Args:
        scene: What was drawn.
        buffers: What the engine drew of it, with faces.
        normals: The normal map of both.

    """
    rays = np.nan_to_num(pixel_rays(scene.camera))
    x, y = rays[..., 0], rays[..., 1]
    n = unit_normals(normals)
    length = np.sqrt(x * x + y * y + 1.0)
    tilt_cos = -(n[..., 0] * x + n[..., 1] * y + n[..., 2]) / length
    look = np.zeros((*buffers.depth_m.shape, 3))
    for here, material, primitive in _materials(scene, buffers):
        look[here] = _look(material, primitive)
    return DepthView(
        depth_m=buffers.depth_m.astype(np.float64),
        rays=rays,
        focal_px=float(scene.camera.K[0, 0]),
        tilt_cos=np.where(buffers.depth_m > 0, np.clip(tilt_cos, 0.0, 1.0), 0.0),
        albedo=look[..., 0],
        metallic=look[..., 1],
        roughness=look[..., 2],
    )


def _materials(
    scene: Scene, buffers: Buffers
) -> Iterator[tuple[NDArray[np.bool_], Material, Primitive]]:
    """Where each material is seen, and on what."""
    faces = known_faces(buffers)
    for instance in scene.instances:
        of_instance = faces[..., 0] == instance.instance_idx
        for k, primitive in enumerate(instance.model.primitives):
            here = of_instance & (faces[..., 1] == k)
            yield here, instance.materials[k], primitive
    ground = (buffers.depth_m > 0) & (faces[..., 0] < 0)
    which, _ = ground_at(scene, points_cam(scene.camera, buffers)[ground])
    for i, surface in enumerate(scene.surfaces):
        here = np.zeros(ground.shape, bool)
        here[ground] = which == i
        yield here, surface.material, surface.model.primitives[0]


def _look(material: Material, primitive: Primitive) -> tuple[float, float, float]:
    """Albedo, metallic and roughness, each 0 to 1.

    The albedo is the brightest channel of the base colour: lamps of depth sensors are infrared,
    where dyes of all colours are bright and what is black (soot, most inks) stays so.
    """
    rgb = np.array(material.base_color[:3])
    texture = material.triplanar or material.base_color_texture
    if texture is not None:
        rgb = rgb * _mean(texture, srgb_to_linear)
    if primitive.colors is not None and not material.ignores_colors:
        rgb = rgb * primitive.colors[:, :3].mean(axis=0)
    metallic, roughness = material.metallic, material.roughness
    if material.metallic_roughness_texture is not None:
        _, green, blue = _mean(material.metallic_roughness_texture, np.asarray)
        metallic, roughness = metallic * blue, roughness * green
    return float(min(rgb.max(), 1.0)), float(metallic), float(roughness)


def _mean(
    texture: Texture, linear: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Mean red, green and blue of texels spread over a texture."""
    steps = (max(side // _SAMPLES, 1) for side in texture.image.shape[:2])
    rows, columns = (slice(None, None, step) for step in steps)
    texels = linear(texture.image[rows, columns, :3] / 255.0)
    return np.asarray(texels.reshape(-1, 3).mean(axis=0))
