"""Scenes made by hand for tests of light: one camera, a few bodies, a floor."""

from __future__ import annotations

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from render.buffers import Buffers
from render.engine.base import AbstractEngine
from render.geometry.frames import look_at, rigid
from render.geometry.projection import fov_to_K
from render.library.environment_map import build_environment
from render.lights.light import Light
from render.scene import (
    Camera,
    Environment,
    Instance,
    Material,
    Model,
    Primitive,
    Scene,
    Surface,
)

MATT = Material(base_color=(1.0, 1.0, 1.0, 1.0), roughness=1.0)
MIRROR = Material(base_color=(1.0, 1.0, 1.0, 1.0), metallic=1.0, roughness=0.0)
WHITE = (1.0, 1.0, 1.0)


def camera_at(
    eye: tuple[float, float, float],
    target: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    size_wh: tuple[int, int] = (160, 120),
    fov_deg: float = 50.0,
    scale: float = 1.0,
) -> Camera:
    """A camera at `eye` times `scale` that looks at a point."""
    away = scale * float(np.linalg.norm(np.subtract(eye, target)))
    return Camera(
        K=fov_to_K(fov_deg, size_wh),
        size_wh=size_wh,
        T_world_cam=look_at(scale * np.array(eye), scale * np.array(target)),
        near_m=0.05 * away,
        far_m=200.0 * away,
    )


def glowing(*rgb: float) -> Material:
    """The same radiance whatever the light."""
    red, green, blue = rgb
    return Material(base_color=(0.0, 0.0, 0.0, 1.0), roughness=1.0, emissive=(red, green, blue))


def solid(mesh: trimesh.Trimesh, name: str, *, smooth: bool = False) -> Model:
    """A closed model; `smooth` has a sphere's normals, else each face is flat."""
    if smooth:
        positions, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
        normals = np.asarray(mesh.vertex_normals)
    else:
        positions = np.asarray(mesh.triangles).reshape(-1, 3)
        faces = np.arange(len(positions)).reshape(-1, 3)
        normals = np.repeat(np.asarray(mesh.face_normals), 3, axis=0)
    return model(name, positions, normals, faces, is_closed=True)


def model(
    name: str,
    positions: NDArray[np.float64],
    normals: NDArray[np.float64],
    faces: NDArray[np.int64],
    *,
    is_closed: bool = False,
    uv: NDArray[np.float64] | None = None,
) -> Model:
    """A model of these triangles; its hull is its vertices."""
    primitive = Primitive(
        positions_m=np.array(positions, np.float64),
        normals=np.array(normals, np.float32),
        faces=np.array(faces, np.int32),
        material=MATT,
        uv=None if uv is None else np.array(uv, np.float32),
    )
    return Model(
        name=name, category=name, sha256="", unit_m=1.0, up="z", primitives=(primitive,),
        hull_m=np.unique(primitive.positions_m, axis=0), is_closed=is_closed,
    )  # fmt: skip


def square(name: str = "square", half: float = 1.0) -> Model:
    """In the plane z = 0, seen from both sides; its texture once over it."""
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * half
    normals = np.tile([0.0, 0.0, 1.0], (4, 1))
    uv = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    return model(name, corners, normals, np.array([[0, 1, 2], [0, 2, 3]]), uv=uv)


BOX = solid(trimesh.creation.box((1.0, 1.0, 1.0)), "box")
BALL = solid(trimesh.creation.icosphere(subdivisions=4, radius=1.0), "ball", smooth=True)
PLATE = square("plate", 0.5)
GROUND = square("ground", 1.0)


def placed(
    *bodies: tuple[Model, tuple[float, float, float], float, Material], scale: float = 1.0
) -> tuple[Instance, ...]:
    """Bodies at ``(position, size)``, all times `scale`."""
    return tuple(
        Instance(
            instance_idx=i, role="target", model=body, materials=(material,), scale=scale * size,
            T_world_obj=rigid(np.eye(3), scale * np.array(at)),
        )
        for i, (body, at, size, material) in enumerate(bodies)
    )  # fmt: skip


def floor(
    height: float = 0.0, *, half: float = 20.0, material: Material = MATT, catches: bool = False
) -> Surface:
    """Level ground about the origin."""
    return Surface(
        model=GROUND, material=material, T_world_obj=rigid(np.eye(3), np.array([0, 0, height])),
        scale=half, catches_shadows=catches,
    )  # fmt: skip


def scene(
    camera: Camera,
    instances: tuple[Instance, ...],
    lights: tuple[Light, ...] = (),
    *,
    surfaces: tuple[Surface, ...] = (),
    environment: Environment | None = None,
    ambient: float = 0.0,
    backdrop: NDArray[np.float32] | Environment | None = None,
) -> Scene:
    """Before black, if nothing else is named."""
    width, height = camera.size_wh
    black = np.zeros((height, width, 3), np.float32)
    return Scene(
        camera=camera, instances=instances, lights=lights, surfaces=surfaces,
        environment=environment, ambient=(ambient, ambient, ambient),
        backdrop=black if backdrop is None else backdrop,
    )  # fmt: skip


def numbers_of(kind: str, *, cone_deg: float = 45.0) -> dict[str, object]:
    """What tells a `Light` with a place of a kind from that of another."""
    return {"point": {}, "spot": {"cone_deg": cone_deg}, "area": {"is_flat": True}}[kind]


def directions(width: int, height: int) -> NDArray[np.float64]:
    """Unit vectors at the centres of an equirectangular image's pixels, frame of the map."""
    polar = (np.arange(height) + 0.5) / height * np.pi
    azimuth = np.pi - (np.arange(width) + 0.5) / width * 2 * np.pi
    t, a = np.meshgrid(polar, azimuth, indexing="ij")
    return np.dstack([np.sin(t) * np.cos(a), np.sin(t) * np.sin(a), np.cos(t)])


def blob_map(
    towards: tuple[float, float, float], *, peak: float = 3.0, width_deg: float = 14.0
) -> NDArray[np.float32]:
    """Dim light and one soft blob, too weak to become a light of its own."""
    axis = np.array(towards) / np.linalg.norm(towards)
    angle = np.degrees(np.arccos(np.clip(directions(512, 256) @ axis, -1, 1)))
    light = 0.6 + peak * np.exp(-((angle / width_deg) ** 2) / 2)
    return np.repeat(light[..., None], 3, axis=2).astype(np.float32)


def environment_of(radiance: NDArray[np.float32], **leaves: float) -> Environment:
    """A map, ready for shading."""
    return Environment(map=build_environment("made.hdr", radiance), **leaves)


def points_world(scene_: Scene, buffers: Buffers) -> NDArray[np.float64]:
    """``(H, W, 3)`` where each pixel's centre meets a surface, by its depth."""
    height, width = buffers.depth_m.shape
    v, u = np.mgrid[0:height, 0:width].astype(np.float64)
    rays = np.dstack([u, v, np.ones_like(u)]) @ np.linalg.inv(scene_.camera.K).T
    T = scene_.camera.T_world_cam
    return np.asarray((rays * buffers.depth_m[..., None]) @ T[:3, :3].T + T[:3, 3])


def grey(engine: AbstractEngine, scene_: Scene) -> NDArray[np.float32]:
    """``(H, W)`` green radiance."""
    return np.asarray(engine.render(scene_).radiance[..., 1])


def beside_objects(instance_idx: NDArray[np.int32]) -> NDArray[np.bool_]:
    """``(H, W)``: pixels of an instance, and those next to them, which its outline may cut."""
    shows = (instance_idx >= 0).astype(np.uint8)
    return cv2.dilate(shows, np.ones((3, 3), np.uint8)) > 0
