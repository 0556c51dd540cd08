"""θ and assets made by hand, for tests of placement and assembly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from render.library.environment_map import build_environment
from render.library.fixtures import Fixture
from render.sampling.background import Background
from render.sampling.camera import CameraGroup
from render.sampling.lighting import Lighting
from render.sampling.material import MaterialGroup
from render.sampling.objects import Objects
from render.sampling.occlusion import Occlusion
from render.sampling.scale import Scale
from render.sampling.sensor import Sensor
from render.sampling.truncation import Truncation
from render.sampling.viewpoint import Viewpoint
from render.scene import EnvironmentMap, Material, Model, Primitive
from render.theta import Theta


def model_of(
    mesh: trimesh.Trimesh,
    name: str,
    *,
    up: str = "z",
    material: Material | None = None,
    poses: NDArray[np.float64] | None = None,
    probs: NDArray[np.float64] | None = None,
    colors: NDArray[np.float32] | None = None,
) -> Model:
    """A model of one mesh."""
    normals = np.asarray(mesh.vertex_normals, np.float32)
    primitive = Primitive(
        positions_m=np.asarray(mesh.vertices, np.float64),
        normals=normals,
        faces=np.asarray(mesh.faces, np.int32),
        material=material or Material(base_color=(0.6, 0.6, 0.6, 1.0)),
        colors=colors,
    )
    return Model(
        name=name,
        category=name.split("/")[0],
        sha256="0" * 64,
        unit_m=1.0,
        up=up,
        primitives=(primitive,),
        hull_m=np.asarray(mesh.convex_hull.vertices, np.float64),
        is_closed=bool(mesh.is_watertight),
        stable_poses=np.zeros((0, 3, 3)) if poses is None else poses,
        stable_probs=np.zeros(0) if probs is None else probs,
    )


def mesh_of(model: Model) -> trimesh.Trimesh:
    """The model as one mesh again, object frame."""
    parts = [trimesh.Trimesh(p.positions_m, p.faces, process=False) for p in model.primitives]
    return trimesh.util.concatenate(parts)


def bracket() -> trimesh.Trimesh:
    """An L, its origin far from its box's centre: concave and off centre."""
    a = trimesh.creation.box((0.08, 0.05, 0.005))
    b = trimesh.creation.box((0.005, 0.05, 0.06))
    b.apply_translation((0.0375, 0.0, 0.0275))
    both = trimesh.util.concatenate([a, b])
    both.apply_translation((0.3, -0.2, 0.1))
    return both


class HandMadeAssets:
    """A few models, made by trimesh; one texture, one photograph."""

    def __init__(self) -> None:
        creation = trimesh.creation
        box_mesh = creation.box((0.02, 0.04, 0.06))
        half_turns = np.stack([np.eye(3), np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])])
        models = [
            model_of(bracket(), "bracket.stl", up="y"),
            model_of(box_mesh, "brick.ply", poses=half_turns, probs=np.array([0.75, 0.25])),
            model_of(creation.icosphere(subdivisions=3, radius=0.03), "ball.obj"),
            model_of(creation.torus(0.03, 0.008), "ring.obj"),
            model_of(creation.cylinder(0.002, 0.4), "rod.obj"),
            model_of(creation.cone(0.02, 0.05), "cone.obj", up="-x"),
            model_of(creation.box((1, 1, 1)), "primitive:box"),
            model_of(creation.icosphere(subdivisions=3, radius=0.5), "primitive:sphere"),
            model_of(creation.cylinder(0.35, 1.0), "primitive:cylinder"),
            model_of(creation.cone(0.4, 1.0), "primitive:cone"),
            model_of(creation.torus(0.35, 0.15), "primitive:torus"),
        ]
        self.models = {m.name: m for m in models}
        rng = np.random.default_rng(0)
        self.textures = {"wood.png": rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)}
        across = np.linspace(0, 255, 400).astype(np.uint8)
        down = np.linspace(0, 255, 300).astype(np.uint8)
        self.photos = {
            "ramp.png": np.dstack(
                [
                    np.tile(across, (300, 1)),
                    np.tile(down[:, None], (1, 400)),
                    np.zeros((300, 400), np.uint8),
                ]
            )
        }

        sky = np.full((16, 32, 3), 0.4, np.float32)
        sky[8:] = 0.1
        self.environments = {"sky.hdr": build_environment("sky.hdr", sky)}

    fixtures: tuple[Fixture, ...] = ()
    poses = None

    def model(self, name: str) -> Model:
        return self.models[name]

    def texture(self, name: str) -> NDArray[np.uint8]:
        return self.textures[name]

    def background(self, name: str) -> NDArray[np.uint8]:
        return self.photos[name]

    def environment(self, name: str) -> EnvironmentMap:
        return self.environments[name]


def theta_of(n: int = 1, n_distractors: int = 0, **groups: dict[str, Any]) -> Theta:
    """A plain θ of `n` targets; `groups` replace single leaves.

    A single value for a leaf of scope target, distractor or light is repeated.
    """
    theta = Theta(
        viewpoint=Viewpoint(
            azimuth_deg=30.0,
            elevation_deg=35.0,
            roll_deg=0.0,
            offset_x=0.0,
            offset_y=0.0,
            look_at="target",
            views=1,
            layout="around",
            baseline_m=None,
            listed=None,
        ),
        scale=Scale(size_frac=0.3, size_px=None, distance_m=None),
        lighting=Lighting(
            count=1,
            kind=("directional",),
            azimuth_deg=(60.0,),
            elevation_deg=(50.0,),
            distance=(3.0,),
            intensity=(0.8,),
            temperature_k=(6504.0,),
            radius_deg=(0.0,),
            cone_deg=(30.0,),
            environment=None,
            environment_azimuth_deg=0.0,
            environment_ev=0.0,
            shadows=True,
            ambient=0.3,
            ambient_temperature_k=6504.0,
        ),
        objects=Objects(
            count=n,
            arrangement="scatter",
            model=("bracket.stl",) * n,
            orientation=("so3",) * n,
            size_ratio=(1.0,) * n,
            depth_spread=3.0,
            size_m_by_category=(None,) * n,
            spacing=0.0,
            region_m=None,
            spread=0.0,
            container_size=1.0,
            container_height=0.5,
            container_wall=0.06,
            container_color=(120.0, 120.0, 120.0),
            container_roughness=0.5,
            container_metallic=0.0,
        ),
        occlusion=Occlusion(
            count=n_distractors,
            kind=("box",) * n_distractors,
            place=("front",) * n_distractors,
            size_ratio=(0.4,) * n_distractors,
            hue_deg=(120.0,) * n_distractors,
            saturation=(0.8,) * n_distractors,
            brightness=(0.7,) * n_distractors,
            metallic=(0.0,) * n_distractors,
            roughness=(0.5,) * n_distractors,
            occluded_fract=None,
            by=("primitive",) * n_distractors,
            texture=("wood.png",) * n_distractors,
            model=("",) * n_distractors,
        ),
        background=Background(
            kind="color",
            color=(120.0, 130.0, 140.0),
            pattern="noise",
            pattern_seed=1,
            photo="ramp.png",
            crop_frac=1.0,
            crop_x=0.5,
            crop_y=0.5,
            flip=False,
            environment="sky.hdr",
            surface_texture=None,
            surface_size=2.0,
            surface_color=(200.0, 200.0, 200.0),
            surface_roughness=0.8,
            catch_shadows=False,
            blur_px=0.0,
            brightness=1.0,
        ),
        camera=CameraGroup(
            size_wh=(640, 480),
            fov_deg=50.0,
            K=None,
            distortion=None,
            defocus_px=0.0,
            focus=1.0,
            motion_px=0.0,
            motion_deg=0.0,
            vignette=0.0,
            chromatic_px=0.0,
            T_world_cam=None,
            jitter_m=(0.0, 0.0, 0.0),
            jitter_deg=(0.0, 0.0, 0.0),
        ),
        material=MaterialGroup(
            base_color=(None,) * n,
            metallic=(None,) * n,
            roughness=(None,) * n,
            translucency=(0.0,) * n,
            clearcoat=(0.0,) * n,
            pattern=("none",) * n,
            pattern_color=((255.0, 255.0, 255.0),) * n,
            decal=(None,) * n,
            by_material=((),) * n,
            hue_shift_deg=(0.0,) * n,
            saturation_factor=(1.0,) * n,
            brightness_factor=(1.0,) * n,
            metallic_shift=(0.0,) * n,
            roughness_shift=(0.0,) * n,
            textured=(False,) * n,
            texture=("wood.png",) * n,
            texture_size=(0.5,) * n,
            texture_seed=(1,) * n,
            wear=(0.0,) * n,
        ),
        sensor=Sensor(
            exposure_ev=0.0,
            white_balance_k=6504.0,
            blur_px=0.0,
            noise=0.0,
            noise_seed=1,
            bayer=False,
            tone="linear",
            sharpen=0.0,
            jpeg_quality=90,
            depth="exact",
            depth_noise=1.0,
            depth_seed=1,
            depth_baseline_m=None,
            depth_range_m=None,
            burnt_fract=None,
        ),
        truncation=Truncation(truncated_fract=None, side="left"),
    )
    for group, leaves in groups.items():
        theta = replace(theta, **{group: replace(getattr(theta, group), **leaves)})
    return theta
