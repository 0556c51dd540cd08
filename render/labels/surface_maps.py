"""Per-pixel labels of the surface that is seen: normals, object coordinates, parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.engine.lens import pixel_rays
from render.geometry.frames import inverse_rigid, transform_points
from render.labels.tasks import canonical_pose
from render.library.annotations import Annotations
from render.scene import Camera, Scene

__all__ = [
    "ground_at",
    "known_faces",
    "nocs_map",
    "normal_map",
    "part_map",
    "points_cam",
    "unit_normals",
]

_TOP = 65_535

Map = NDArray[np.uint16]
Points = NDArray[np.float64]


def normal_map(scene: Scene, buffers: Buffers) -> Map:
    """``(H, W, 3)``: unit normals, camera frame (OpenCV), as ``65535 (n + 1) / 2``; 0: nothing.

    At the pixel's centre, interpolated over the face that is seen, on the side of it that faces
    the camera; before any normal map of a material. Ground and walls have theirs.

    Args:
        scene: What was drawn.
        buffers: What the engine drew of it, with faces.

    """
    camera, faces = scene.camera, known_faces(buffers)
    points = points_cam(camera, buffers)
    normals = np.zeros((*buffers.depth_m.shape, 3))
    flat = np.zeros_like(normals)  # of the faces themselves, by their winding
    T_cam_world = inverse_rigid(camera.T_world_cam)
    for instance in scene.instances:
        T_cam_obj = T_cam_world @ instance.T_world_obj
        here = faces[..., 0] == instance.instance_idx
        at = transform_points(inverse_rigid(T_cam_obj), points[here]) / instance.scale
        seen = faces[here][:, 1:]
        own, own_flat = np.zeros((2, len(seen), 3))
        for k, primitive in enumerate(instance.model.primitives):
            of_k = seen[:, 0] == k
            corners = primitive.faces[seen[of_k, 1]]
            triangles = primitive.positions_m[corners]
            a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
            own_flat[of_k] = np.cross(b - a, c - a)
            shares = _shares(at[of_k], triangles)
            own[of_k] = np.einsum("nk,nkd->nd", shares, primitive.normals[corners])
        normals[here] = own @ T_cam_obj[:3, :3].T
        flat[here] = own_flat @ T_cam_obj[:3, :3].T
    ground = (buffers.depth_m > 0) & (faces[..., 0] < 0)
    _, normals[ground] = ground_at(scene, points[ground])
    flat[ground] = normals[ground]
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = normals / np.where(length > 0, length, 1.0)
    # By the face: a normal that leans over the rim of a round thing must not jump to its back.
    is_back = ((normals * flat).sum(axis=2) > 0) == ((flat * points).sum(axis=2) > 0)
    normals = np.where(is_back[..., None], -normals, normals)
    coded = np.clip(np.rint((normals + 1) * (_TOP / 2)), 1, _TOP)
    return np.where(buffers.depth_m[..., None] > 0, coded, 0).astype(np.uint16)


def unit_normals(coded: Map) -> Points:
    """``(H, W, 3)`` normals of a map of `normal_map`; of no use where it is 0."""
    return coded.astype(np.float64) * (2 / _TOP) - 1.0


def nocs_map(scene: Scene, buffers: Buffers, annotations: Annotations) -> Map:
    """``(H, W, 3)``: normalised object coordinates, as ``1 + 65534 c``; 0: no labelled instance.

    ``c = (p - center) / diagonal + 1/2`` of the box of the model along the axes of its file: the
    box's diagonal is 1 long and its middle at 1/2 (Wang et al., "Normalized Object Coordinate
    Space", 2019). A target with symmetries is in its canonical pose.

    Args:
        scene: What was drawn.
        buffers: What the engine drew of it.
        annotations: Symmetries and parts of models.

    """
    camera = scene.camera
    points = points_cam(camera, buffers)
    coded = np.zeros((*buffers.depth_m.shape, 3), np.uint16)
    for instance in scene.labelled_instances:
        model = instance.model
        T = canonical_pose(instance, camera, annotations)
        if T is None:
            T = inverse_rigid(camera.T_world_cam) @ instance.T_world_obj
        here = buffers.instance_idx == instance.instance_idx
        at = transform_points(inverse_rigid(T), points[here]) / instance.scale
        diagonal = float(np.linalg.norm(np.ptp(model.bounds_m, axis=0)))
        c = (at - model.center_m) / diagonal + 0.5
        coded[here] = np.rint(1 + (_TOP - 1) * np.clip(c, 0.0, 1.0))
    return coded


def part_map(scene: Scene, buffers: Buffers, annotations: Annotations) -> Map:
    """``(H, W)``: which part of its instance's model each pixel shows, from 1; 0: none labelled.

    Args:
        scene: What was drawn.
        buffers: What the engine drew of it, with faces.
        annotations: Symmetries and parts of models.

    """
    faces = known_faces(buffers)
    parts = np.zeros(buffers.depth_m.shape, np.uint16)
    for instance in scene.labelled_instances:
        for k, face_parts in enumerate(annotations.parts(instance.model).of_faces):
            here = (faces[..., 0] == instance.instance_idx) & (faces[..., 1] == k)
            parts[here] = 1 + face_parts[faces[here][:, 2]]
    return parts


def known_faces(buffers: Buffers) -> NDArray[np.int32]:
    """The faces that pixels show; ValueError where the engine was not asked for them."""
    if buffers.faces is None:
        raise ValueError("buffers must have faces: render with_faces=True")
    return buffers.faces


def points_cam(camera: Camera, buffers: Buffers) -> Points:
    """``(H, W, 3)``: what each pixel's centre sees, camera frame; zeros where there is nothing."""
    rays = np.nan_to_num(pixel_rays(camera))
    depth = buffers.depth_m.astype(np.float64)[..., None]
    return np.concatenate([rays * depth, depth], axis=2)


def _shares(points: Points, triangles: Points) -> Points:
    """``(N, 3)`` barycentric coordinates of points of ``(N, 3, 3)`` triangles, none negative.

    By areas in the triangle's own plane: what depth in float32 puts beside it does not matter.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    areas = [
        np.einsum("ni,ni->n", np.cross(q - p, points - p), normal)
        for p, q in ((b, c), (c, a), (a, b))
    ]
    shares = np.maximum(np.stack(areas, axis=1), 0.0)
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, shares / np.where(total > 0, total, 1.0), 1 / 3))


def ground_at(scene: Scene, points: Points) -> tuple[NDArray[np.intp], Points]:
    """Which of the surfaces points of ground or walls are of, and their unit normals.

    Each surface is flat, and a point belongs to the one whose plane is nearest.

    Args:
        scene: What was drawn.
        points: ``(N, 3)``, camera frame.

    Returns:
        ``(N,)`` indices into `Scene.surfaces`, and ``(N, 3)`` normals, camera frame.

    """
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    which, least = np.zeros(len(points), np.intp), np.full(len(points), np.inf)
    best = np.zeros_like(points)
    for i, surface in enumerate(scene.surfaces):
        if surface.catches_shadows:
            continue
        primitive = surface.model.primitives[0]
        a, b, c = surface.scale * primitive.positions_m[primitive.faces[0]]
        T_cam_obj = T_cam_world @ surface.T_world_obj
        normal = T_cam_obj[:3, :3] @ np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal)
        away = np.abs((points - transform_points(T_cam_obj, a[None])[0]) @ normal)
        closer = away < least
        which[closer], best[closer], least[closer] = i, normal, away[closer]
    return which, best
