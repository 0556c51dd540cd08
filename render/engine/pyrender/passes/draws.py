"""A scene as a list of draws that every pass goes through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program, compile_program
from render.engine.pyrender.gpu_cache import FaceRange, GpuCache, Mesh
from render.engine.pyrender.passes.drawn_bodies import DrawnBody
from render.engine.windows import Scissor, scissor_of
from render.geometry.frames import inverse_rigid
from render.scene import Camera, Instance, Material, Scene, Surface

__all__ = ["Draw", "GeometryPrograms", "UploadedScene", "lens_of", "upload"]

# Whether each corner of a box is its highest point along x, y and z.
_IS_HIGH = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]) > 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Draw:
    """One mesh with its pose. Matrices map from the mesh's coordinates, as GL wants them.

    Attributes:
        instance_idx: -1 for a surface.
        draw_idx: Its number among all draws of the scene, from 0.
        body_idx: Index into `UploadedScene.bodies`.
        clip_obj: ``(4, 4)`` to clip space; column by column, float32.
        cam_obj: ``(4, 4)`` to the camera frame; likewise.
        normal: ``(3, 3)``, turns normals into the camera frame; likewise.
        world_mesh: The mesh's coordinates to the world; ``(4, 4)`` float64, rows as usual.
        center_m: The model's centre, which the mesh's coordinates count from.
        center_depth_m: Its depth, to sort what is see-through.
        culls: Back faces cannot be seen.
        shown: Its faces that the camera may see; None = all.

    """

    instance_idx: int
    draw_idx: int
    body_idx: int
    mesh: Mesh
    material: Material
    clip_obj: bytes
    cam_obj: bytes
    normal: bytes
    world_mesh: NDArray[np.float64]
    center_m: tuple[float, float, float]
    center_depth_m: float
    culls: bool
    shown: FaceRange | None


@dataclass(frozen=True, eq=False, kw_only=True)
class UploadedScene:
    """Everything of a scene that the passes share.

    Attributes:
        surfaces: Ground and walls that are seen; `instance_idx` is -1.
        catchers: Those that show nothing but shadows.
        draws_by_instance: In the order of instances and primitives: at equal depth the first
            one wins.
        corners_cam: ``(N, 8, 3)``: box of each instance, camera frame.
        windows: Pixels of the image that each instance may cover.
        bodies: Instances in their order, then surfaces.

    """

    scene: Scene
    draws_by_instance: tuple[tuple[Draw, ...], ...]
    surfaces: tuple[Draw, ...]
    catchers: tuple[Draw, ...]
    corners_cam: NDArray[np.float64]
    windows: tuple[Scissor, ...]
    bodies: tuple[DrawnBody, ...]

    @property
    def draws(self) -> Iterator[Draw]:
        """The draws of all instances, in their order."""
        return chain.from_iterable(self.draws_by_instance)

    @property
    def solid(self) -> Iterator[Draw]:
        """What hides what is behind it, and caught shadows: instances first, then surfaces."""
        opaque = (d for d in self.draws if d.material.alpha_mode != "blend")
        return chain(opaque, self.surfaces, self.catchers)

    def before(self, scene: Scene) -> UploadedScene:
        """The same things, prepared once, as another camera with the same pose sees them.

        Args:
            scene: The scene that was uploaded, but for intrinsics, image size, lens and backdrop.

        """
        P_clip_cam = _projection(scene.camera)

        def seen(draws: Sequence[Draw]) -> tuple[Draw, ...]:
            clips = (_columns(P_clip_cam @ self.bodies[d.body_idx].cam_mesh) for d in draws)
            return tuple(replace(d, clip_obj=c) for d, c in zip(draws, clips, strict=True))

        return replace(
            self,
            scene=scene,
            draws_by_instance=tuple(map(seen, self.draws_by_instance)),
            surfaces=seen(self.surfaces),
            catchers=seen(self.catchers),
            windows=_windows(self.corners_cam, scene.camera),
        )


def upload(scene: Scene, gpu_cache: GpuCache) -> UploadedScene:
    """Brings a scene's models to the GPU and works out its matrices in float64."""
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    P_clip_cam = _projection(scene.camera)
    placed = [*scene.instances, *map(_as_instance, scene.surfaces)]
    corners = np.array([_corners_cam(x, T_cam_world) for x in scene.instances]).reshape(-1, 8, 3)
    cut_by_near = corners[..., 2].min(axis=1, initial=np.inf) <= scene.camera.near_m
    culls = [x.model.is_closed and not cut_by_near[x.instance_idx] for x in scene.instances]
    culls += [True] * len(scene.surfaces)
    bodies = tuple(DrawnBody.of(x, T_cam_world, culls=bool(c)) for x, c in zip(placed, culls))
    shown = iter(gpu_cache.stream.fill([part for body in bodies for part in body.shown_faces()]))
    drawn: list[tuple[Draw, ...]] = []
    count = 0
    for body_idx, (instance, body) in enumerate(zip(placed, bodies, strict=True)):
        meshes = gpu_cache.meshes(instance.model)
        x, y, z = (float(v) for v in instance.model.center_m)
        clip_obj, cam_obj = _columns(P_clip_cam @ body.cam_mesh), _columns(body.cam_mesh)
        normal = _columns(T_cam_world[:3, :3] @ instance.T_world_obj[:3, :3])
        drawn.append(
            tuple(
                Draw(
                    instance_idx=instance.instance_idx,
                    draw_idx=count + k,
                    body_idx=body_idx,
                    mesh=mesh,
                    material=material,
                    clip_obj=clip_obj,
                    cam_obj=cam_obj,
                    normal=normal,
                    world_mesh=body.world_mesh,
                    center_m=(x, y, z),
                    center_depth_m=float(body.cam_mesh[2, 3]),
                    culls=body.culls,
                    shown=faces if body.culls else None,
                )
                for k, (mesh, material, faces) in enumerate(
                    zip(meshes, instance.materials, islice(shown, len(meshes)), strict=True)
                )
            )
        )
        count += len(meshes)
    of_surfaces = list(zip(scene.surfaces, drawn[len(scene.instances) :], strict=True))
    return UploadedScene(
        scene=scene,
        draws_by_instance=tuple(drawn[: len(scene.instances)]),
        surfaces=tuple(d for x, ds in of_surfaces if not x.catches_shadows for d in ds),
        catchers=tuple(d for x, ds in of_surfaces if x.catches_shadows for d in ds),
        corners_cam=corners,
        windows=_windows(corners, scene.camera),
        bodies=bodies,
    )


def _as_instance(surface: Surface) -> Instance:
    return Instance(
        instance_idx=-1,
        role="fixture",
        model=surface.model,
        materials=(surface.material,),
        T_world_obj=surface.T_world_obj,
        scale=surface.scale,
    )


def _windows(corners_cam: NDArray[np.float64], camera: Camera) -> tuple[Scissor, ...]:
    return tuple(scissor_of(corners, camera) for corners in corners_cam)


class GeometryPrograms:
    """One fragment shader over the shared geometry, for solid and for cut-out surfaces."""

    CUTOUT_UNIT = 7

    def __init__(
        self, context: GlContext, fragment: str, gpu_cache: GpuCache, *defines: str
    ) -> None:
        self._context = context
        self._gpu_cache = gpu_cache
        self._solid = compile_program(context, "geometry.vert", fragment, defines)
        self._cutout = compile_program(context, "geometry.vert", fragment, ("CUTOUT", *defines))
        self._cutout.set("u_cutout", self.CUTOUT_UNIT)

    def draw(
        self,
        draw: Draw,
        *,
        clip_obj: bytes | None = None,
        shift_xy: tuple[float, float] = (0.0, 0.0),
        **values: int,
    ) -> None:
        """Draws one mesh.

        Args:
            draw: Mesh, material and pose.
            clip_obj: ``(4, 4)`` to the clip space of another view than the camera's, which draws
                all faces; None: the camera's, which draws those that it may see.
            shift_xy: Added to x and y in clip space: which tile of a large image is drawn.
            values: Integer uniforms of the fragment shader.

        """
        gl = self._context.mgl
        gl.enable(moderngl.CULL_FACE) if draw.culls else gl.disable(moderngl.CULL_FACE)
        is_cut = draw.material.alpha_mode == "mask"
        program = self._cutout if is_cut else self._solid
        if is_cut:
            bind_cutout(program, draw.material, self._gpu_cache, self.CUTOUT_UNIT)
        program.write("u_clip_obj", clip_obj or draw.clip_obj)
        program.set("u_shift", (*shift_xy, 0.0, 0.0))
        for name, value in values.items():
            program.set(name, value)
        draw.mesh.draw(gl, program, draw.shown if clip_obj is None else None)


def bind_cutout(program: Program, material: Material, gpu_cache: GpuCache, unit: int) -> None:
    """Sets what `cutout.glsl` reads."""
    gpu_cache.texture(material.base_color_texture, srgb=True).use(unit)
    program.set("u_cutout_alpha", material.base_color[3])
    program.set("u_cutoff", material.alpha_cutoff)


def _projection(camera: Camera) -> NDArray[np.float64]:
    """Camera frame (OpenCV) to clip space: z in [0, 1], reversed; the image's first row first.

    Rows of GL's window count upwards from 0, and reading starts there: with the image's y down
    kept, the first row that is read is the top one.
    """
    (w, h), K = camera.size_wh, camera.K
    near, far = camera.near_m, camera.far_m
    P = np.zeros((4, 4))
    # The half pixel between OpenCV's pixel centres and GL's pixel edges: here alone.
    P[0] = [2.0 * K[0, 0] / w, 0.0, 2.0 * (K[0, 2] + 0.5) / w - 1.0, 0.0]
    P[1] = [0.0, 2.0 * K[1, 1] / h, 2.0 * (K[1, 2] + 0.5) / h - 1.0, 0.0]
    P[2] = [0.0, 0.0, -near / (far - near), near * far / (far - near)]
    P[3] = [0.0, 0.0, 1.0, 0.0]
    return P


def lens_of(camera: Camera) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in edge coordinates, for shaders that go from pixels to rays."""
    K = camera.K
    return float(K[0, 0]), float(K[1, 1]), float(K[0, 2]) + 0.5, float(K[1, 2]) + 0.5


def _corners_cam(instance: Instance, T_cam_world: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = instance.model.bounds_m
    corners = instance.scale * np.where(_IS_HIGH, high, low)
    T = T_cam_world @ instance.T_world_obj
    return np.asarray(corners @ T[:3, :3].T + T[:3, 3])


def _columns(matrix: NDArray[np.float64]) -> bytes:
    return matrix.T.astype(np.float32).tobytes()
