"""The same scene by pyrender alone, as one would set it up by hand: the yardstick of realism.

One directional light, from where most light comes, and as much ambient light as makes up the
mean of the scene; materials and textures as they are. pyrender has no light from maps.
"""

from __future__ import annotations

import numpy as np
import pyrender
from numpy.typing import NDArray
from PIL import Image

from render.engine.mitsuba.geometry import Part, parts_of, visible
from render.scene import Material, Scene, Texture

__all__ = ["stock_picture"]

_CV_FROM_GL = np.diag([1.0, -1.0, -1.0, 1.0])
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def stock_picture(
    renderer: pyrender.OffscreenRenderer, scene: Scene, backdrop: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``(H, W, 3)`` linear radiance, cut off at 1 by pyrender, over the backdrop."""
    ambient, key, towards = _light(scene)
    drawn = pyrender.Scene(bg_color=(0.0, 0.0, 0.0, 0.0), ambient_light=ambient)
    for whole in visible(scene):
        for part in parts_of(whole):
            drawn.add(_mesh(part), pose=part.T_world_obj)
    strength = float(key @ _LUMINANCE)
    if strength > 0.0:
        light = pyrender.DirectionalLight(color=key / strength, intensity=np.pi * strength)
        drawn.add(light, pose=_facing(towards))
    K, camera = scene.camera.K, scene.camera
    lens = pyrender.IntrinsicsCamera(
        fx=K[0, 0], fy=K[1, 1], cx=K[0, 2] + 0.5, cy=K[1, 2] + 0.5,
        znear=camera.near_m, zfar=camera.far_m,
    )  # fmt: skip
    drawn.add(lens, pose=camera.T_world_cam @ _CV_FROM_GL)
    color, depth = renderer.render(drawn)
    linear = (color[..., :3] / 255.0) ** 2.2
    return np.where(depth[..., None] > 0, linear, backdrop).astype(np.float32)


def _light(scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Ambient colour, colour of the key light, and unit vector towards it."""
    ambient, key, towards = np.array(scene.ambient), np.zeros(3), np.array([0.0, 0.0, 1.0])
    for light in scene.lights:
        color = light.intensity * np.array(light.color)
        back = -np.array(light.direction_world)
        if light.position_world is not None:
            place = np.array(light.position_world)
            color, back = color / float(place @ place), place
        if color.sum() > key.sum():
            ambient += key / 4.0  # what it gives to all sides, on the mean
            key, towards = color, back / np.linalg.norm(back)
        else:
            ambient += color / 4.0
    if scene.environment is None:
        return ambient, key, towards
    sh = scene.environment.gain * scene.environment.map.sh.astype(np.float64)
    ambient = ambient + 0.282094792 * sh[0]
    if key.sum() == 0.0:
        angle = np.radians(scene.environment.azimuth_deg)
        c, s = np.cos(angle), np.sin(angle)
        x, y, z = (float(sh[i] @ _LUMINANCE) for i in (3, 1, 2))
        towards = np.array([c * x - s * y, s * x + c * y, z])
        towards /= np.linalg.norm(towards)
        key = 2 * 0.488602512 * np.abs([sh[1], sh[2], sh[3]]).max(axis=0)
        ambient = np.maximum(ambient - key / 4.0, 0.0)
    return ambient, key, towards


def _mesh(part: Part) -> pyrender.Mesh:
    source, material = part.primitive, part.material
    uv = source.uv
    primitive = pyrender.Primitive(
        positions=(part.scale * source.positions_m).astype(np.float32),
        normals=source.normals,
        indices=source.faces,
        texcoord_0=uv,
        color_0=source.colors,
        material=_material(material, has_uv=uv is not None),
        mode=4,
    )
    return pyrender.Mesh(primitives=[primitive])


def _material(material: Material, *, has_uv: bool) -> pyrender.MetallicRoughnessMaterial:
    base = material.triplanar or material.base_color_texture
    return pyrender.MetallicRoughnessMaterial(
        baseColorFactor=material.base_color,
        metallicFactor=material.metallic,
        roughnessFactor=material.roughness,
        doubleSided=True,
        baseColorTexture=_texture(base) if has_uv else None,
        metallicRoughnessTexture=(
            _texture(material.metallic_roughness_texture) if has_uv else None
        ),
        alphaMode="BLEND" if material.alpha_mode == "blend" else "OPAQUE",
    )


def _texture(texture: Texture | None) -> pyrender.Texture | None:
    if texture is None:
        return None
    return pyrender.Texture(source=Image.fromarray(texture.image), source_channels="RGBA")


def _facing(towards: NDArray[np.float64]) -> NDArray[np.float64]:
    side = np.eye(3)[int(np.abs(towards).argmin())]
    x = np.cross(side, towards)
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2] = x, np.cross(towards, x), towards
    return T
