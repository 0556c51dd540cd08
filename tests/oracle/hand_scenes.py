"""Scenes without files: intersections, contact, cut-outs, open shells, slivers, far and near."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from render.geometry.frames import rigid
from render.scene import Material, Model, Primitive, Scene, Texture, Wrap
from tests.hand_made import bracket, model_of
from tests.oracle.staging import scene_around, view

__all__ = ["HAND_MADE", "holed", "place", "sheet"]

creation = trimesh.creation


def place(
    model: Model, at: tuple[float, float, float], *, turn: int = 0, scale: float = 1.0
) -> tuple[Model, NDArray[np.float64], float]:
    """A model with its origin at a point; `turn` seeds its rotation, 0 is none."""
    R = Rotation.random(random_state=turn).as_matrix() if turn else np.eye(3)
    return model, rigid(R, np.array(at)), scale


def sheet(material: Material, uv_range: tuple[float, float], *, name: str = "sheet") -> Model:
    """A unit square of the plane z = 0 about the origin, in two triangles, with UVs."""
    corners = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    low, high = uv_range
    primitive = Primitive(
        positions_m=corners,
        normals=np.tile(np.float32([0, 0, 1]), (4, 1)),
        faces=np.int32([[0, 1, 2], [0, 2, 3]]),
        material=material,
        uv=np.float32([[low, low], [high, low], [high, high], [low, high]]),
    )
    return Model(
        name=name,
        category=name,
        sha256="",
        unit_m=1.0,
        up="z",
        primitives=(primitive,),
        hull_m=corners,
    )


def holed(wrap_st: tuple[Wrap, Wrap], *, size_wh: tuple[int, int] = (48, 32)) -> Material:
    """A material with soft-edged, lopsided holes, so that no turn of the image looks the same."""
    w, h = size_wh
    x, y = np.meshgrid((np.arange(w) + 0.5) / w, (np.arange(h) + 0.5) / h)
    holes = ((0.25, 0.3, 0.18), (0.7, 0.55, 0.12), (0.95, 0.05, 0.2))
    away = np.min([np.hypot(x - a, y - b) - r for a, b, r in holes], axis=0)
    image = np.full((h, w, 4), 255, np.uint8)
    image[..., 3] = np.clip(128 + 600 * away, 0, 255)
    return Material(
        base_color_texture=Texture(image=image, wrap_st=wrap_st),
        alpha_mode="mask",
        alpha_cutoff=0.5,
        double_sided=True,
    )


def _intersecting() -> Scene:
    box = model_of(creation.box((0.2, 0.2, 0.2)), "box.obj")
    ball = model_of(creation.icosphere(subdivisions=4, radius=0.13), "ball.obj")
    ring = model_of(creation.torus(0.15, 0.03), "ring.obj")
    rod = model_of(creation.cylinder(0.02, 0.6), "rod.obj")
    placed = [
        place(box, (0, 0, 0), turn=1),
        place(ball, (0.05, 0.05, 0.05), turn=2),
        place(ring, (0.02, 0, 0.04), turn=3),
        place(rod, (0, 0, 0), turn=4),
        place(rod, (0.01, 0, 0), turn=5),
    ]
    return scene_around(view((0.6, 0.5, 0.4), (0, 0, 0)), placed)


def _stack() -> Scene:
    """Faces of one plane, hidden by each other; some edges coincide."""
    box = model_of(creation.box((0.1, 0.1, 0.1)), "box.obj")
    table = model_of(creation.box((1.0, 1.0, 0.1)), "table.obj")
    at = [(0, 0, 0), (0.1, 0, 0), (0.1, 0.1, 0), (0.03, 0, 0.1), (0.03, 0.02, 0.2)]
    placed = [place(table, (0, 0, -0.1)), *(place(box, p) for p in at)]
    return scene_around(view((0.7, -0.5, 0.5), (0, 0, 0)), placed)


def _open_shells() -> Scene:
    """Seen from inside and outside, wound one way: nothing may be culled."""
    tube = creation.cylinder(0.1, 0.3)
    tube.update_faces(np.abs(tube.face_normals[:, 2]) < 0.5)
    half = creation.icosphere(subdivisions=3, radius=0.12)
    half.update_faces(half.triangles_center[:, 2] < 0.0)
    tube.remove_unreferenced_vertices()
    half.remove_unreferenced_vertices()
    flipped = half.copy()
    flipped.invert()
    shells = [model_of(m, f"{i}.obj") for i, m in enumerate((tube, half, flipped))]
    ball = model_of(creation.icosphere(subdivisions=3, radius=0.05), "ball.obj")
    placed = [
        place(shells[0], (0, 0, 0), turn=3),
        place(shells[1], (0.25, 0.1, 0)),
        place(shells[2], (-0.2, -0.2, 0)),
        place(ball, (0.25, 0.1, 0.0)),
        place(ball, (0, 0, 0)),
    ]
    return scene_around(view((0.1, -0.5, 0.6), (0, 0, 0)), placed)


def _inside_closed() -> Scene:
    """The camera in a closed room, and another room closed about a ball that nobody sees."""
    room = model_of(creation.box((2.0, 2.0, 1.0)), "room.obj")
    ball = model_of(creation.icosphere(subdivisions=3, radius=0.2), "ball.obj")
    crate = model_of(creation.box((0.5, 0.5, 0.5)), "crate.obj")
    placed = [
        place(room, (0, 0, 0)),
        place(crate, (0.4, 0.4, -0.25), turn=2),
        place(ball, (0.4, 0.4, -0.25)),
        place(ball, (0.5, -0.4, 0.4)),
    ]
    return scene_around(
        view((-0.8, -0.8, 0.2), (0, 0, 0), fov_deg=80.0, size_wh=(320, 240)), placed
    )


def _near_cut() -> Scene:
    """Closed meshes cut open by the near plane: their insides show."""
    ball = model_of(creation.icosphere(subdivisions=4, radius=0.2), "ball.obj")
    ring = model_of(creation.torus(0.2, 0.06), "ring.obj")
    core = model_of(creation.box((0.1, 0.1, 0.1)), "core.obj")
    placed = [
        place(ball, (0.1, 0.03, 0)),
        place(core, (0.12, 0.03, 0), turn=5),
        place(ring, (0.1, -0.25, 0.05), turn=6),
        place(ball, (-0.3, 0, 0)),
    ]
    camera = view((-0.1, 0, 0), (1, 0, 0), fov_deg=90.0, near_m=0.07, size_wh=(320, 240))
    return scene_around(camera, placed)


def _cutouts(wrap_st: tuple[Wrap, Wrap]) -> Scene:
    """Tiled holes, slanted, before each other and before solid things."""
    material = holed(wrap_st)
    soft = replace(material, alpha_cutoff=0.3, base_color=(1.0, 1.0, 1.0, 0.8))
    front, back = sheet(material, (-0.8, 1.7)), sheet(soft, (1.9, 0.1))
    ball = model_of(creation.icosphere(subdivisions=3, radius=0.25), "ball.obj")
    placed = [
        place(front, (0, 0, 0.3), turn=7, scale=0.8),
        place(back, (0.1, 0.1, 0.0), turn=9, scale=1.2),
        place(ball, (0, 0, 0.1)),
        place(front, (0.6, 0.3, 0.0), turn=11, scale=1.5),
    ]
    return scene_around(view((0.3, -0.4, 1.9), (0.1, 0, 0)), placed)


def _cutout_by_vertex_alpha() -> Scene:
    """Alpha of corners times the texture's: holes on a round, dense surface."""
    mesh = creation.icosphere(subdivisions=4, radius=0.3)
    colors = np.ones((len(mesh.vertices), 4), np.float32)
    colors[:, 3] = 0.6 + 0.4 * np.sin(15 * mesh.vertices[:, 0]) * np.cos(11 * mesh.vertices[:, 2])
    plain = Material(alpha_mode="mask", alpha_cutoff=0.45, base_color=(1, 1, 1, 0.9))
    bare = model_of(mesh, "bare.obj", material=plain, colors=colors)
    textured = model_of(mesh, "map.obj", material=holed(("repeat", "mirror")), colors=colors)
    uv = (4.0 * mesh.vertices[:, :2]).astype(np.float32)
    textured = replace(textured, primitives=(replace(textured.primitives[0], uv=uv),))
    bare, textured = (replace(m, is_closed=False) for m in (bare, textured))
    ball = model_of(creation.icosphere(subdivisions=3, radius=0.1), "ball.obj")
    placed = [
        place(bare, (-0.3, 0, 0)),
        place(textured, (0.35, 0, 0), turn=3),
        place(ball, (-0.3, 0, 0)),
        place(ball, (0.35, 0, 0)),
    ]
    return scene_around(view((0.1, -1.4, 0.4), (0, 0, 0)), placed)


def _blades() -> Scene:
    """Triangles thinner than a pixel, and meshes of many around one corner."""
    rng = np.random.default_rng(4)
    n = 60
    tips = rng.normal(size=(n, 3))
    tips *= 0.3 / np.linalg.norm(tips, axis=1, keepdims=True)
    aside = tips + rng.normal(scale=0.0015, size=(n, 3))
    corners = np.stack([np.zeros((n, 3)), tips, aside], axis=1).reshape(-1, 3)
    urchin = trimesh.Trimesh(corners, np.arange(3 * n).reshape(-1, 3), process=False)
    fan = creation.cone(0.2, 0.01, sections=720)
    placed = [
        place(model_of(urchin, "urchin.obj"), (0, 0, 0)),
        place(model_of(fan, "fan.obj"), (0.1, 0.1, 0), turn=3),
        place(model_of(urchin, "urchin2.obj"), (0.2, -0.1, 0.1), turn=2),
    ]
    return scene_around(view((0.5, 0.5, 0.5), (0, 0, 0)), placed)


def _endless_floor() -> Scene:
    """Triangles that reach from behind the camera to a kilometre off."""
    floor = sheet(Material(double_sided=True), (0, 1), name="floor")
    rod = model_of(creation.cylinder(0.05, 1.0), "rod.obj")
    mast = model_of(creation.box((0.3, 0.3, 40.0)), "mast.obj")
    placed = [place(floor, (3.0, 7.0, 0.0), scale=2000.0)]
    placed += [place(rod, (x, 2.0, 0.4), turn=i + 1) for i, x in enumerate((-1.0, 0.0, 1.0))]
    placed += [place(mast, (5.0, 60.0, 20.0)), place(mast, (-9.0, 300.0, 20.0))]
    camera = view(
        (0, -1, 0.6), (0.2, 3, 0.6), near_m=0.05, far_m=3e3, roll_deg=-7.0, size_wh=(320, 240)
    )
    return scene_around(camera, placed)


def _far_from_origin() -> Scene:
    """A world a kilometre from its origin, and a part whose file has its origin far off."""
    moved = bracket()
    moved.apply_translation((30.0, -20.0, 5.0))
    part = model_of(moved, "part.obj")
    ball = model_of(creation.icosphere(subdivisions=3, radius=0.03), "ball.obj")
    base = np.array([1000.0, -700.0, 300.0])
    origin = base - part.center_m
    placed = [
        (part, rigid(np.eye(3), origin), 1.0),
        (part, rigid(np.eye(3), origin + np.array([0.002, 0.03, 0.02])), 1.0),
        (ball, rigid(np.eye(3), base + np.array([0.01, 0.0, 0.01])), 1.0),
    ]
    eye, target = base + np.array([0.15, 0.12, 0.1]), base
    return scene_around(view(tuple(eye), tuple(target)), placed)


def _specks() -> Scene:
    """Hundreds of instances of about one pixel, over 255 in all."""
    rng = np.random.default_rng(8)
    ball = model_of(creation.icosphere(subdivisions=2, radius=0.004), "ball.obj")
    at = rng.uniform(-0.8, 0.8, (300, 3))
    placed = [place(ball, (x, y, z), scale=rng.uniform(0.3, 3.0)) for x, y, z in at]
    return scene_around(view((0, -2.5, 0.3), (0, 0, 0), size_wh=(320, 240)), placed)


HAND_MADE: dict[str, Callable[[], Scene]] = {
    "intersecting": _intersecting,
    "stack": _stack,
    "open_shells": _open_shells,
    "inside_closed": _inside_closed,
    "near_cut": _near_cut,
    "cutouts_repeat": partial(_cutouts, ("repeat", "repeat")),
    "cutouts_clamp_mirror": partial(_cutouts, ("clamp", "mirror")),
    "cutouts_mirror_clamp": partial(_cutouts, ("mirror", "clamp")),
    "cutout_by_vertex_alpha": _cutout_by_vertex_alpha,
    "blades": _blades,
    "endless_floor": _endless_floor,
    "far_from_origin": _far_from_origin,
    "specks": _specks,
}
