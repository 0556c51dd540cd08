"""Seconds to read a model file of some 300,000 triangles in each format, beside trimesh.

    python -m benchmarks.readers [--subdivisions 7] [--rounds 3] [--only obj] [--no-models]

Each round reads every file with `read_raw`, then with ``trimesh.load(..., force="scene")``;
the fastest round of each counts, in seconds of one core. The last figure, of one round, is the
whole way to a `Model`: normals, hull, stable poses. Boxes and numbers of triangles are found equal
before a file is timed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from benchmarks.record import record
from render.library.build_model import build_model
from render.library.readers import read_raw
from render.library.readers.raw import RawModel
from render.library.side_files import Remarks

GOAL = 1.3  # times trimesh, at most


def main() -> None:
    """Prints the figures of each file and records them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subdivisions", type=int, default=7, help="20 * 4^n triangles")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="files whose name begins so")
    parser.add_argument("--no-models", action="store_true", help="times the readers alone")
    args = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        paths = write_files(Path(name), args.subdivisions)
        print(f"{'file':24}{'MiB':>7}{'read_raw':>10}{'trimesh':>10}{'ratio':>8}{'model':>8}")
        for path in (p for p in paths if p.name.startswith(args.only)):
            compare(path)
            ours_s, theirs_s = best_of(args.rounds, [partial(read_raw, path), partial(load, path)])
            model_s = None if args.no_models else best_of(1, [partial(whole, path)])[0]
            ratio = ours_s / theirs_s
            figures[path.name] = {"read_s": ours_s, "trimesh_s": theirs_s, "model_s": model_s}
            mark = " over the goal" if ratio > GOAL else ""
            print(f"{path.name:24}{path.stat().st_size / 2**20:7.1f}{ours_s:10.3f}"
                  f"{theirs_s:10.3f}{ratio:8.2f}{model_s or np.nan:8.2f}{mark}")  # fmt: skip
    record("readers", figures)


def write_files(folder: Path, subdivisions: int) -> list[Path]:
    """A ball in every format that both sides read, written by trimesh; quads by hand."""
    plain = trimesh.creation.icosphere(subdivisions=subdivisions)
    textured = trimesh.creation.icosphere(subdivisions=subdivisions)
    uv = textured.vertices[:, :2] * 0.5 + 0.5
    picture = Image.radial_gradient("L").convert("RGB")
    material = trimesh.visual.material.SimpleMaterial(image=picture, name="skin")
    textured.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    colored = plain.copy()
    colored.visual.vertex_colors = np.abs(255 * colored.vertices).astype(np.uint8)
    obj = trimesh.exchange.obj.export_obj
    scene = trimesh.Scene({"ball": plain})
    texts: dict[str, Any] = {
        "obj_plain.obj": obj(plain, include_color=False, include_normals=False),
        "obj_colors.obj": obj(colored, include_normals=False),
        "obj_normals.obj": obj(plain, include_color=False, include_normals=True),
        "obj_quads.obj": quads(subdivisions),
        "off.off": plain.export(file_type="off"),
        "3mf.3mf": scene.export(file_type="3mf"),
        "ply_binary.ply": plain.export(file_type="ply"),
        "ply_colors.ply": colored.export(file_type="ply"),
        "ply_ascii.ply": plain.export(file_type="ply", encoding="ascii"),
        "stl_binary.stl": plain.export(file_type="stl"),
        "stl_ascii.stl": plain.export(file_type="stl_ascii"),
        "glb.glb": scene.export(file_type="glb"),
        "glb_textured.glb": trimesh.Scene({"ball": textured}).export(file_type="glb"),
        "dae.dae": plain.export(file_type="dae"),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    textured.export(folder / "obj_textured.obj", include_normals=True)
    # Its buffers have fixed names: in a folder of its own.
    (folder / "gltf").mkdir()
    scene.export(folder / "gltf" / "gltf.gltf")
    paths = [*folder.glob("*"), folder / "gltf" / "gltf.gltf"]
    others = (".mtl", ".png")
    return sorted(p for p in paths if p.is_file() and p.suffix not in others)


def quads(subdivisions: int) -> str:
    """OBJ of a torus of quads, half as many as the ball has triangles."""
    n = int(np.sqrt(10 * 4**subdivisions))
    a = np.linspace(0, 2 * np.pi, n, endpoint=False)
    u, v = np.meshgrid(a, a, indexing="ij")
    x, y = (2 + np.cos(v)) * np.cos(u), (2 + np.cos(v)) * np.sin(u)
    points = np.stack([x, y, np.sin(v)], axis=-1).reshape(-1, 3)
    i, j = (k.reshape(-1) for k in np.indices((n, n)))
    corners = [(i + di) % n * n + (j + dj) % n + 1 for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1))]
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points]
    lines += [f"f {a} {b} {c} {d}" for a, b, c, d in zip(*corners, strict=True)]
    return "\n".join(lines) + "\n"


def load(path: Path) -> trimesh.Scene:
    """What defines positions: trimesh with its default arguments, its textures decoded as ours."""
    scene = trimesh.load(path, force="scene")
    for mesh in scene.geometry.values():
        texture = getattr(getattr(mesh.visual, "material", None), "baseColorTexture", None)
        if texture is not None:
            texture.load()
    return scene


def whole(path: Path) -> None:
    """All of the way to a model, but for the files beside it."""
    build_model(
        read_raw(path), path=path, name=path.name, category="ball", sha256="", remarks=Remarks()
    )


def compare(path: Path) -> None:
    """Refuses to time two readers that do not find the same.

    Raises:
        RuntimeError: The boxes or the numbers of triangles differ.

    """
    ours, theirs = read_raw(path), load(path).to_mesh()
    count = sum(len(mesh.faces) for mesh in ours.meshes)
    if count != len(theirs.faces) or not np.allclose(bounds(ours), theirs.bounds, atol=1e-6):
        raise RuntimeError(f"{path.name}: {count} triangles here, {len(theirs.faces)} there")


def bounds(model: RawModel) -> NDArray[np.float64]:
    """``(2, 3)``: lowest and highest position, of all meshes."""
    points = np.concatenate([mesh.positions for mesh in model.meshes])
    return np.stack([points.min(axis=0), points.max(axis=0)])


def best_of(rounds: int, calls: list[Callable[[], Any]]) -> list[float]:
    """Seconds of the fastest round of each call; the calls take turns."""
    best = [np.inf] * len(calls)
    for _ in range(rounds):
        for at, call in enumerate(calls):
            began_s = time.thread_time()
            call()
            best[at] = min(best[at], time.thread_time() - began_s)
    return best


if __name__ == "__main__":
    main()
