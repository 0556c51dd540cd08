"""A scene as a list of meshes with their poses, which every pass goes through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from render.engine.meshes import Mesh, mesh_of
from render.geometry.frames import inverse_rigid
from render.scene import Instance, Material, Model, Scene, Surface

__all__ = ["Bodies", "Body", "Part", "bodies_of"]

# Whether each corner of a box is its highest point along x, y and z.
_IS_HIGH = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]) > 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """One primitive of a body: faces of one material.

    Attributes:
        part_idx: Its number among all parts of the scene, from 0.
        body_idx: Index into `Bodies.all`.
        begin: First face of it in the body's mesh.
        end: One past the last.
        first_face: Number of its first face among all faces of the scene.

    """

    part_idx: int
    body_idx: int
    material: Material
    begin: int
    end: int
    first_face: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Body:
    """A model with its pose: an instance, or a surface.

    Attributes:
        instance_idx: -1 for a surface.
        mesh: Its triangles, counted from the model's centre.
        parts: One for each primitive.
        cam_mesh: ``(4, 4)`` float64: from the mesh's points to the camera frame.
        world_mesh: ``(4, 4)`` float64: likewise, to the world.
        R_cam_obj: ``(3, 3)`` float64: turns normals into the camera frame.
        scale: Lengths in the world over those of the mesh.
        culls: Back faces cannot be seen.
        catches_shadows: It is not seen but for the shadows on it.
        corners_cam: ``(8, 3)``: the box of its model, camera frame.

    """

    instance_idx: int
    model: Model
    mesh: Mesh
    parts: tuple[Part, ...]
    cam_mesh: NDArray[np.float64]
    world_mesh: NDArray[np.float64]
    R_cam_obj: NDArray[np.float64]
    scale: float
    culls: bool
    catches_shadows: bool
    corners_cam: NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Bodies:
    """All that a scene shows.

    Faces of the scene are numbered one body after the other, in the order of its mesh.

    Attributes:
        all: The instances, in their order, then the surfaces.
        first_face: ``(len(all) + 1,)`` int64: number of the first face of each; the last one is
            how many there are.

    """

    scene: Scene
    all: tuple[Body, ...]
    first_face: NDArray[np.int64]

    @property
    def instances(self) -> tuple[Body, ...]:
        """Those of `scene.instances`."""
        return self.all[: len(self.scene.instances)]

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Of all bodies, by `Part.part_idx`; their faces' numbers rise."""
        return tuple(part for body in self.all for part in body.parts)

    @cached_property
    def first_faces(self) -> NDArray[np.int64]:
        """``(len(parts) + 1,)``: number of the first face of each part; the last one as above."""
        return np.array([*(part.first_face for part in self.parts), self.first_face[-1]], np.int64)

    def seen_by(self, scene: Scene) -> Bodies:
        """The same bodies before another camera at the same place: other intrinsics, size, lens."""
        return Bodies(scene=scene, all=self.all, first_face=self.first_face)


def bodies_of(scene: Scene) -> Bodies:
    """Places the models of a scene before its camera, in float64."""
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    bodies: list[Body] = []
    n_parts = n_faces = 0
    first_face = [0]
    for placed in (*scene.instances, *map(_as_instance, scene.surfaces)):
        is_surface = placed.instance_idx < 0
        mesh = mesh_of(placed.model)
        world_mesh = placed.T_world_obj.copy()
        world_mesh[:3, :3] *= placed.scale
        world_mesh[:3, 3] += placed.scale * (placed.T_world_obj[:3, :3] @ placed.model.center_m)
        corners = _corners_cam(placed, T_cam_world)
        is_cut = bool(corners[:, 2].min() <= scene.camera.near_m)
        surface = scene.surfaces[len(bodies) - len(scene.instances)] if is_surface else None
        bodies.append(
            Body(
                instance_idx=placed.instance_idx,
                model=placed.model,
                mesh=mesh,
                parts=tuple(_parts(placed.materials, mesh, n_parts, len(bodies), n_faces)),
                cam_mesh=T_cam_world @ world_mesh,
                world_mesh=world_mesh,
                R_cam_obj=T_cam_world[:3, :3] @ placed.T_world_obj[:3, :3],
                scale=placed.scale,
                culls=is_surface or (placed.model.is_closed and not is_cut),
                catches_shadows=surface is not None and surface.catches_shadows,
                corners_cam=corners,
            )
        )
        n_parts += len(placed.materials)
        n_faces += len(mesh.faces)
        first_face.append(n_faces)
    return Bodies(scene=scene, all=tuple(bodies), first_face=np.array(first_face, np.int64))


def _parts(
    materials: tuple[Material, ...], mesh: Mesh, n_parts: int, body_idx: int, n_faces: int
) -> Iterator[Part]:
    begin = 0
    for k, (material, end) in enumerate(zip(materials, mesh.ends.tolist(), strict=True)):
        yield Part(
            part_idx=n_parts + k, body_idx=body_idx, material=material, begin=begin, end=end,
            first_face=n_faces + begin,
        )  # fmt: skip
        begin = end


def _as_instance(surface: Surface) -> Instance:
    return Instance(
        instance_idx=-1,
        role="fixture",
        model=surface.model,
        materials=(surface.material,) * len(surface.model.primitives),
        T_world_obj=surface.T_world_obj,
        scale=surface.scale,
    )


def _corners_cam(instance: Instance, T_cam_world: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = instance.model.bounds_m
    corners = instance.scale * np.where(_IS_HIGH, high, low)
    T = T_cam_world @ instance.T_world_obj
    return np.asarray(corners @ T[:3, :3].T + T[:3, 3])
