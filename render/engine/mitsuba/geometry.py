"""Meshes and the camera of a scene, as Mitsuba takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import EngineError
from render.geometry.frames import transform_points
from render.scene import Camera, Material, Primitive, Scene

__all__ = ["Part", "faces_the_eye", "origin_of", "parts_of", "sensor_of", "shape_of", "visible"]

Array = NDArray[np.float64]

# Its axes are x left, y up, z forward; ours x right, y down, z forward.
_CV_FROM_MITSUBA = np.diag([-1.0, -1.0, 1.0, 1.0])
_SQUARE = 1e-4


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """One mesh of one material.

    Attributes:
        T_world_obj: ``(4, 4)`` float64, rigid.
        scale: Multiplies positions before `T_world_obj`.
        is_catcher: Its surface shows nothing but the shadows on it.

    """

    primitive: Primitive
    material: Material
    T_world_obj: Array
    scale: float
    is_catcher: bool = False


def visible(scene: Scene) -> Iterator[Part]:
    """All instances and those surfaces that turn their front to the eye."""
    for instance in scene.instances:
        for primitive, material in zip(instance.model.primitives, instance.materials, strict=True):
            yield Part(
                primitive=replace(primitive, colors=None) if material.ignores_colors else primitive,
                material=material,
                T_world_obj=instance.T_world_obj,
                scale=instance.scale,
            )
    eye_world = scene.camera.T_world_cam[:3, 3]
    for surface in scene.surfaces:
        for primitive in surface.model.primitives:
            part = Part(
                primitive=primitive,
                material=surface.material,
                T_world_obj=surface.T_world_obj,
                scale=surface.scale,
                is_catcher=surface.catches_shadows,
            )
            if faces_the_eye(part, eye_world):
                yield part


def faces_the_eye(part: Part, eye_world: Array) -> bool:
    """Whether the eye, ``(3,)`` world metres, is in front of a flat part."""
    a, b, c = transform_points(
        part.T_world_obj, part.scale * part.primitive.positions_m[part.primitive.faces[0]]
    )
    return float(np.cross(b - a, c - a) @ (eye_world - a)) > 0.0


def origin_of(scene: Scene) -> Array:
    """``(3,)`` world: where Mitsuba's origin is put, so that float32 holds small things."""
    if not scene.instances:
        return np.asarray(scene.camera.T_world_cam[:3, 3])
    first = scene.instances[0]
    center = first.scale * first.model.center_m[None]
    return np.asarray(transform_points(first.T_world_obj, center)[0])


def parts_of(part: Part) -> Iterator[Part]:
    """The part itself; with a triplanar texture, up to three parts that have UVs.

    Each face takes the picture of the axis that it faces most, where the rasterizer mixes
    all three.
    """
    material, primitive = part.material, part.primitive
    if material.triplanar is None:
        yield part
        return
    corners = primitive.positions_m[primitive.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    axis_of_face = np.abs(across).argmax(axis=1)
    for axis in range(3):
        faces = primitive.faces[axis_of_face == axis]
        if not len(faces):
            continue
        used, renumbered = np.unique(faces, return_inverse=True)
        st = primitive.positions_m[used][:, [(axis + 1) % 3, (axis + 2) % 3]]
        st = st / material.triplanar_size_m
        split = Primitive(
            positions_m=primitive.positions_m[used],
            normals=primitive.normals[used],
            faces=renumbered.reshape(faces.shape).astype(np.int32),
            material=material,
            uv=np.stack([st[:, 0], 1.0 - st[:, 1]], axis=1).astype(np.float32),
            colors=None if primitive.colors is None else primitive.colors[used],
        )
        yield Part(
            primitive=split,
            material=material,
            T_world_obj=part.T_world_obj,
            scale=part.scale,
            is_catcher=part.is_catcher,
        )


def shape_of(mi: Any, part: Part, origin_world: Array, **plugins: Any) -> Any:
    """A mesh in world axes about `origin_world`.

    Args:
        mi: Mitsuba.
        part: Has UVs if its material has textures.
        origin_world: ``(3,)``.
        plugins: Loaded ``bsdf`` and ``emitter``.

    """
    primitive = part.primitive
    positions = transform_points(part.T_world_obj, part.scale * primitive.positions_m)
    normals = primitive.normals.astype(np.float64) @ part.T_world_obj[:3, :3].T
    faces, normals = _agreeing(positions, primitive.faces, normals)
    properties = mi.Properties()
    for name, plugin in plugins.items():
        properties[name] = plugin
    mesh = mi.Mesh(
        "mesh",
        vertex_count=len(positions),
        face_count=len(faces),
        has_vertex_normals=True,
        has_vertex_texcoords=primitive.uv is not None,
        props=properties,
    )
    if primitive.colors is not None:
        mesh.add_attribute(
            "vertex_color", 3, _flat(primitive.colors[:, :3] * part.material.base_color[:3])
        )
    values = mi.traverse(mesh)
    values["vertex_positions"] = _flat(positions - origin_world)
    values["vertex_normals"] = _flat(normals)
    values["faces"] = np.ascontiguousarray(faces.ravel(), dtype=np.uint32)
    if primitive.uv is not None:
        # Mitsuba's v = 0 is the first row of the image.
        values["vertex_texcoords"] = _flat(primitive.uv * [1.0, -1.0] + [0.0, 1.0])
    values.update()
    return mesh


def _agreeing(
    positions: Array, faces: NDArray[np.int32], normals: Array
) -> tuple[NDArray[np.int32], Array]:
    """Faces wound to the side of their normals; a normal of no length is that of a face."""
    a, b, c = (positions[faces[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)
    missing = np.linalg.norm(normals, axis=1) < 0.5
    if missing.any():
        normals = normals.copy()
        unit = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-30)
        flat = np.zeros_like(normals)
        flat[faces.ravel()] = np.repeat(unit, 3, axis=0)
        normals[missing] = flat[missing]
    against = np.einsum("ij,ij->i", across, normals[faces].sum(axis=1)) < 0.0
    return np.where(against[:, None], faces[:, ::-1], faces), normals


def sensor_of(mi: Any, camera: Camera, origin_world: Array, *, samples: int) -> dict[str, Any]:
    """The camera, with a film of the image's size.

    Raises:
        EngineError: Pixels are not square.

    """
    (w, h), K = camera.size_wh, camera.K
    if abs(K[0, 0] / K[1, 1] - 1.0) > _SQUARE:
        raise EngineError(
            f"camera.K must have fx = fy for engine=mitsuba, got {K[0, 0]} and {K[1, 1]}"
        )
    T = camera.T_world_cam @ _CV_FROM_MITSUBA
    T[:3, 3] -= origin_world
    return {
        "type": "perspective",
        "fov": float(2.0 * np.degrees(np.arctan(0.5 * w / K[0, 0]))),
        "fov_axis": "x",
        # From pixel centres to pixel edges; by how much the film lies off the axis.
        "principal_point_offset_x": float(0.5 - (K[0, 2] + 0.5) / w),
        "principal_point_offset_y": float(0.5 - (K[1, 2] + 0.5) / h),
        "near_clip": float(camera.near_m),
        "far_clip": float(camera.far_m),
        "to_world": mi.ScalarTransform4f(T),
        "film": {
            "type": "hdrfilm",
            "width": w,
            "height": h,
            "pixel_format": "rgba",
            "component_format": "float32",
            "rfilter": {"type": "box"},
        },
        "sampler": {"type": "multijitter", "sample_count": samples},
    }


def _flat(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, dtype=np.float32).ravel()
