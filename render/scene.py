"""What an engine draws: frozen numpy, metres, OpenCV camera, no GL.

Frames: `world` is Z up; `obj` is the model file's own frame, scaled to metres; `cam`
is OpenCV (x right, y down, z forward). ``T_a_b`` means ``p_a = T_a_b @ p_b``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from render.geometry.symmetry import Symmetry
from render.lights.light import Light
from render.system.memo import Memo

__all__ = [
    "Camera",
    "Environment",
    "EnvironmentMap",
    "Instance",
    "Keypoint",
    "Material",
    "Model",
    "Primitive",
    "Role",
    "Scene",
    "Sun",
    "Surface",
    "Texture",
]

Wrap = Literal["repeat", "clamp", "mirror"]
AlphaMode = Literal["opaque", "mask", "blend"]
Role = Literal["target", "distractor", "fixture"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Texture:
    """An image on a surface.

    Attributes:
        image: ``(H, W, 4)`` uint8 RGBA, read-only, row 0 at the top. The slot of the
            material tells whether it is sRGB (base colour, emissive) or linear.
        wrap_st: What lies outside [0, 1] along u and along v.

    """

    image: NDArray[np.uint8]
    wrap_st: tuple[Wrap, Wrap] = ("repeat", "repeat")


@dataclass(frozen=True, eq=False, kw_only=True)
class Material:
    """glTF 2.0 metallic-roughness; factors are linear and multiply the textures.

    Attributes:
        base_color: Linear RGBA factor.
        metallic: 0 to 1.
        roughness: 0 to 1, perceptual.
        emissive: Linear RGB.
        metallic_roughness_texture: Roughness in green, metallic in blue.
        occlusion_texture: Occlusion in red.
        alpha_mode: ``mask`` cuts out fragments with alpha below `alpha_cutoff`, in
            colour, depth, ids and silhouettes alike. ``blend`` is see-through in
            colour only: for labels and depth the surface is solid.
        ignores_colors: Whether colours of vertices do not count.
        triplanar: A base colour texture laid on from the object's three axes, for
            surfaces without UVs; replaces `base_color_texture`.
        triplanar_size_m: Object-space edge of one tile of `triplanar`.
        translucency: 0 to 1: twice the share of the diffuse light that leaves on the other side, as
            in thin or cloudy plastic.
        clearcoat: 0 to 1: how much of a smooth, clear coat lies over all.
        wear: 0 to 1: how much of the surface is worn or dirty.
        wear_texture: Where it begins, laid on like `triplanar`: red, dirt (the brighter, the
            sooner); green, scratches.
        wear_size_m: Object-space edge of one tile of `wear_texture`.

    """

    name: str = ""
    base_color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    metallic: float = 0.0
    roughness: float = 0.5
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    base_color_texture: Texture | None = None
    metallic_roughness_texture: Texture | None = None
    normal_texture: Texture | None = None
    normal_scale: float = 1.0
    occlusion_texture: Texture | None = None
    occlusion_strength: float = 1.0
    emissive_texture: Texture | None = None
    alpha_mode: AlphaMode = "opaque"
    alpha_cutoff: float = 0.5
    double_sided: bool = False
    ignores_colors: bool = False
    triplanar: Texture | None = None
    triplanar_size_m: float = 0.1
    translucency: float = 0.0
    clearcoat: float = 0.0
    wear: float = 0.0
    wear_texture: Texture | None = None
    wear_size_m: float = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class Primitive:
    """Triangles of one material. All arrays are read-only.

    Attributes:
        positions_m: ``(V, 3)`` float64, object frame, metres.
        normals: ``(V, 3)`` float32, unit length.
        faces: ``(F, 3)`` int32, F >= 1.
        material: As authored.
        uv: ``(V, 2)`` float32 or None; ``v = 0`` is the bottom row of the image (as
            trimesh and OpenGL have it, not as glTF has it).
        colors: ``(V, 4)`` float32 linear RGBA or None; multiplies the base colour.
        face_parts: ``(F,)`` int32 or None: which of `Model.parts` each face belongs to.

    """

    positions_m: NDArray[np.float64]
    normals: NDArray[np.float32]
    faces: NDArray[np.int32]
    material: Material
    uv: NDArray[np.float32] | None = None
    colors: NDArray[np.float32] | None = None
    face_parts: NDArray[np.int32] | None = None


@dataclass(frozen=True, kw_only=True)
class Keypoint:
    """A named point of an object: on its surface, or where there is none (a hole's centre)."""

    name: str
    point_m: tuple[float, float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Model:
    """One model file: one object, however many meshes and materials it has.

    Attributes:
        name: Path of the file relative to the models folder, with ``/``. Unique.
            Primitives made by the program are named ``primitive:<kind>``.
        category: Category of its labels.
        sha256: Hash of the file's bytes (hex), and of those of the files that it names and of its
            side file.
        unit_m: Metres per unit of the file: ``p_obj = unit_m * p_file``.
        up: Axis of the file that points up: ``x y z -x -y -z``.
        primitives: At least one.
        hull_m: ``(N, 3)`` float64: vertices that span the convex hull, object frame.
        is_closed: All meshes are watertight, consistently wound outwards and not cut
            out, so back faces can never be seen from outside.
        stable_poses: ``(P, 3, 3)`` rotations ``R_world_obj`` in which the object rests
            on a horizontal plane, most likely first; may be empty.
        stable_probs: ``(P,)`` their probabilities, summing to 1 where P > 0.
        parts: Names of the bodies that the file tells apart; none where its format does not.
        keypoints: As a side file declares them.
        symmetry: As a side file declares it; None where it says nothing.
        diameter_m: Largest distance between two vertices as declared; None where nothing is.
        memo: Results of memoised functions of it; see `render.system.memo`.

    """

    name: str
    category: str
    sha256: str
    unit_m: float
    up: str
    primitives: tuple[Primitive, ...]
    hull_m: NDArray[np.float64]
    is_closed: bool = False
    stable_poses: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3, 3)))
    stable_probs: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    parts: tuple[str, ...] = ()
    keypoints: tuple[Keypoint, ...] = ()
    symmetry: Symmetry | None = None
    diameter_m: float | None = None
    memo: Memo = field(default_factory=Memo, init=False, repr=False)

    @property
    def n_faces(self) -> int:
        """Triangles of all primitives."""
        return sum(len(p.faces) for p in self.primitives)

    @cached_property
    def bounds_m(self) -> NDArray[np.float64]:
        """``(2, 3)``: lowest and highest corner of the axis-aligned box, object frame."""
        return _frozen(np.stack([self.hull_m.min(axis=0), self.hull_m.max(axis=0)]))

    @cached_property
    def center_m(self) -> NDArray[np.float64]:
        """``(3,)``: centre of `bounds_m`."""
        return _frozen(self.bounds_m.mean(axis=0))

    @cached_property
    def radius_m(self) -> float:
        """Radius of the sphere about `center_m` that holds the object."""
        return float(np.linalg.norm(self.hull_m - self.center_m, axis=1).max())

    @cached_property
    def extent_m(self) -> float:
        """Longest side of `bounds_m`."""
        return float(np.ptp(self.bounds_m, axis=0).max())


@dataclass(frozen=True, eq=False, kw_only=True)
class Instance:
    """One object in the scene.

    Attributes:
        instance_idx: Position in `Scene.instances`, from 0.
        role: A ``fixture`` is a static part of the user's cell: it is seen, hides things and
            casts shadows like any other, and has no label.
        materials: One per primitive of the model; authored or randomised.
        T_world_obj: ``(4, 4)`` float64, rigid.
        scale: Multiplies the model's metres: ``p_world = T_world_obj @ (scale * p_obj)``.

    """

    instance_idx: int
    role: Role
    model: Model
    materials: tuple[Material, ...]
    T_world_obj: NDArray[np.float64]
    scale: float = 1.0

    @property
    def is_labelled(self) -> bool:
        """Whether it is named among the ids and has a silhouette, a label and a record."""
        return self.role != "fixture"


@dataclass(frozen=True, eq=False, kw_only=True)
class Camera:
    """A pinhole camera, behind a lens that may distort.

    Attributes:
        K: ``(3, 3)`` float64, pixels, centre coordinates: (0, 0) is the centre of the
            top-left pixel. Zero skew.
        size_wh: Image size, pixels.
        T_world_cam: ``(4, 4)`` float64, rigid; `cam` is OpenCV.
        near_m: Depth (z) of the near plane, > 0: nearer surface does not exist.
        far_m: Depth of the far plane; placement puts it behind everything.
        distortion: OpenCV's coefficients ``(k1, k2, p1, p2[, k3[, k4, k5, k6]])``; none: a
            pinhole. One to one over the whole image. Ids, depth, boxes and colour follow it;
            a picture as a backdrop is the sensor's own and stays as it is.

    """

    K: NDArray[np.float64]
    size_wh: tuple[int, int]
    T_world_cam: NDArray[np.float64]
    near_m: float
    far_m: float
    distortion: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sun:
    """A bright part of an environment map, taken out of its diffuse light.

    Attributes:
        to_light: Unit vector towards it, frame of the map.
        irradiance: Linear RGB, through a plane that faces it.
        radius_deg: Angular radius of a disc of its solid angle.
        is_in_reflections: The map's reflections still hold it.

    """

    to_light: tuple[float, float, float]
    irradiance: tuple[float, float, float]
    radius_deg: float
    is_in_reflections: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class EnvironmentMap:
    """Light from all around, ready for shading. Arrays are read-only, linear RGB float32.

    The frame of the map has Z up. The equirectangular images are seen from inside: the first
    row is straight up, the middle column +X, and columns run clockwise as seen from above:
    ``azimuth = pi - 2 pi u``.

    Attributes:
        name: Path of its file, relative to the environments folder.
        radiance: ``(H, W, 3)``: the whole map, as a backdrop shows it.
        suns: Bright parts; `sh` is without them.
        sh: ``(9, 3)``: radiance of a white diffuse surface by its normal, in real spherical
            harmonics (l, m) = 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22.
        sh_upper: ``(9, 3)``: the same of the upper half of the map alone, as ground leaves it.
        glossy: ``(L, h, w, 3)``: reflections prefiltered for roughness ``k / (L - 1)``.
        mirror: ``(h, w, 3)``: reflections of roughness 0.

    """

    name: str
    radiance: NDArray[np.float32]
    suns: tuple[Sun, ...]
    sh: NDArray[np.float32]
    sh_upper: NDArray[np.float32]
    glossy: NDArray[np.float32]
    mirror: NDArray[np.float32]

    @property
    def n_bytes(self) -> int:
        """Memory of its images."""
        return self.radiance.nbytes + self.glossy.nbytes + self.mirror.nbytes


@dataclass(frozen=True, eq=False, kw_only=True)
class Environment:
    """An environment map as a scene has it. Its suns are among the scene's lights.

    Attributes:
        azimuth_deg: Turns the map about world Z, anticlockwise as seen from above.
        gain: Multiplies its radiance.

    """

    map: EnvironmentMap
    azimuth_deg: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface:
    """Ground or a wall: drawn, in depth, in no mask. Only its front is there.

    Attributes:
        model: A flat mesh.
        catches_shadows: It is not seen and has no depth, but what lies behind it is darkened
            where instances keep light from it.

    """

    model: Model
    material: Material
    T_world_obj: NDArray[np.float64]
    scale: float = 1.0
    catches_shadows: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """All that a frame shows.

    Attributes:
        instances: Targets first, then distractors, then fixtures;
            ``instances[i].instance_idx == i``.
        backdrop: What is behind everything: linear radiance ``(H, W, 3)`` float32 of the
            camera's size, or an environment.
        environment: What lights the scene beside `lights`.
        ambient: Linear RGB: radiance that comes from everywhere.
        surfaces: Ground and walls.

    """

    camera: Camera
    instances: tuple[Instance, ...]
    lights: tuple[Light, ...]
    backdrop: NDArray[np.float32] | Environment
    environment: Environment | None = None
    ambient: tuple[float, float, float] = (0.0, 0.0, 0.0)
    surfaces: tuple[Surface, ...] = ()

    @property
    def labelled_instances(self) -> tuple[Instance, ...]:
        """Targets and distractors, which are the first ones of `instances`."""
        return tuple(instance for instance in self.instances if instance.is_labelled)


def _frozen(array: NDArray[np.float64]) -> NDArray[np.float64]:
    array.setflags(write=False)
    return array
