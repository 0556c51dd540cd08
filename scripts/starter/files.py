"""Writers of model files; parts come in millimetres, Z up."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starter.shapes import Finish, Floats, Part, shade

__all__ = ["write_glb", "write_obj", "write_ply", "write_stl"]


def _y_up(points: Floats) -> Floats:
    """Z up to the Y up of glTF and OBJ."""
    return np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)


class _Glb:
    """Collects the buffer and the tables of one file."""

    def __init__(self) -> None:
        self.blob = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.materials: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        self.blob += data + b"\0" * (-len(data) % 4)
        return len(self.views) - 1

    def vectors(self, values: Floats, *, bounds: bool = False) -> int:
        data = np.ascontiguousarray(values, dtype="<f4")
        accessor: dict[str, Any] = {
            "bufferView": self.view(data.tobytes(), 34962),
            "componentType": 5126,
            "count": len(data),
            "type": f"VEC{data.shape[1]}",
        }
        if bounds:
            accessor |= {"min": data.min(axis=0).tolist(), "max": data.max(axis=0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def indices(self, faces: NDArray[np.int64]) -> int:
        wide = int(faces.max()) > 65_534
        data = np.ascontiguousarray(faces.reshape(-1), dtype="<u4" if wide else "<u2")
        view = self.view(data.tobytes(), 34963)
        kind = 5125 if wide else 5123
        self.accessors.append(
            {"bufferView": view, "componentType": kind, "count": len(data), "type": "SCALAR"}
        )
        return len(self.accessors) - 1

    def material(self, finish: Finish) -> int:
        pbr: dict[str, Any] = {
            "baseColorFactor": [*finish.color, 1.0],
            "metallicFactor": finish.metallic,
            "roughnessFactor": finish.roughness,
        }
        if finish.image is not None:
            mime = "image/png" if finish.image[:4] == b"\x89PNG" else "image/jpeg"
            self.images.append({"bufferView": self.view(finish.image), "mimeType": mime})
            pbr["baseColorTexture"] = {"index": len(self.images) - 1}
        out: dict[str, Any] = {"name": finish.name, "pbrMetallicRoughness": pbr}
        if finish.cut_out:
            out |= {"alphaMode": "MASK", "alphaCutoff": 0.5}
        if finish.double_sided:
            out["doubleSided"] = True
        self.materials.append(out)
        return len(self.materials) - 1


def write_glb(path: Path, parts: Sequence[Part]) -> None:
    """A binary glTF 2.0 file in metres, Y up: one mesh, one primitive a part."""
    glb = _Glb()
    known: dict[Finish, int] = {}
    primitives = []
    for part in parts:
        positions, normals, uv, faces = shade(part)
        attributes = {
            "POSITION": glb.vectors(_y_up(positions) / 1000, bounds=True),
            "NORMAL": glb.vectors(_y_up(normals)),
        }
        if part.finish.image is not None:
            attributes["TEXCOORD_0"] = glb.vectors(np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1))
        if part.finish not in known:
            known[part.finish] = glb.material(part.finish)
        primitives.append(
            {
                "attributes": attributes,
                "indices": glb.indices(faces),
                "material": known[part.finish],
            }
        )
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "make_assets.py", "copyright": "CC0 1.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": path.stem}],
        "meshes": [{"name": path.stem, "primitives": primitives}],
        "materials": glb.materials,
        "accessors": glb.accessors,
        "bufferViews": glb.views,
        "buffers": [{"byteLength": len(glb.blob)}],
    }
    if glb.images:
        document["images"] = glb.images
        document["samplers"] = [
            {"wrapS": 10497, "wrapT": 10497, "minFilter": 9987, "magFilter": 9729}
        ]
        document["textures"] = [{"sampler": 0, "source": i} for i in range(len(glb.images))]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(glb.blob)
    path.write_bytes(
        struct.pack("<4sII", b"glTF", 2, total)
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(glb.blob), b"BIN\0")
        + glb.blob
    )


def write_obj(path: Path, parts: Sequence[Part]) -> None:
    """A Wavefront file in metres, Y up, and its material file beside it."""
    lines = [f"mtllib {path.stem}.mtl", f"o {path.stem}"]
    materials: list[str] = []
    n_points = n_normals = 1
    for part in parts:
        positions, normals, _, faces = shade(part)
        # Positions are shared across sharp edges, so that the surface stays closed.
        lines += ["v {:.6f} {:.6f} {:.6f}".format(*p) for p in _y_up(part.vertices) / 1000]
        lines += ["vn {:.4f} {:.4f} {:.4f}".format(*n) for n in _y_up(normals)]
        lines.append(f"usemtl {part.finish.name}")
        for points, at in zip(part.faces + n_points, faces + n_normals):
            lines.append("f " + " ".join(f"{p}//{n}" for p, n in zip(points, at)))
        n_points += len(part.vertices)
        n_normals += len(positions)
        color = " ".join(f"{c:.4f}" for c in _srgb(np.array(part.finish.color)))
        materials += [
            f"newmtl {part.finish.name}",
            f"Kd {color}",
            "Ks 0.04 0.04 0.04",
            f"Ns {2 / part.finish.roughness**4 - 2:.3f}",
            f"Pr {part.finish.roughness}",
            f"Pm {part.finish.metallic}",
            "d 1",
            "illum 2",
        ]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    path.with_suffix(".mtl").write_text("\n".join(materials) + "\n", encoding="ascii")


def write_ply(path: Path, parts: Sequence[Part]) -> None:
    """A binary PLY in metres, Z up: normals, and each part's colour on its vertices (sRGB)."""
    names = ["x", "y", "z", "nx", "ny", "nz"]
    layout = np.dtype([(n, "<f4") for n in names] + [(n, "u1") for n in ("red", "green", "blue")])
    tables, triangles, start = [], [], 0
    for part in parts:
        positions, normals, _, faces = shade(part)
        table = np.zeros(len(positions), layout)
        for i, name in enumerate(names):
            table[name] = positions[:, i] / 1000 if i < 3 else normals[:, i - 3]
        for name, value in zip(("red", "green", "blue"), _srgb(np.array(part.finish.color))):
            table[name] = round(float(value) * 255)
        tables.append(table)
        triangles.append(faces + start)
        start += len(positions)
    rows = np.concatenate(triangles)
    faces_out = np.zeros(len(rows), np.dtype([("n", "u1"), ("at", "<i4", 3)]))
    faces_out["n"], faces_out["at"] = 3, rows
    kinds = ["float"] * 6 + ["uchar"] * 3
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {start}"]
    header += [f"property {k} {n}" for k, n in zip(kinds, layout.names or ())]
    header += [f"element face {len(rows)}", "property list uchar int vertex_indices", "end_header"]
    data = np.concatenate(tables).tobytes() + faces_out.tobytes()
    path.write_bytes("\n".join(header).encode() + b"\n" + data)


def write_stl(path: Path, parts: Sequence[Part]) -> None:
    """A binary STL in millimetres, Z up."""
    corners = np.concatenate([p.vertices[p.faces] for p in parts])
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    table = np.zeros(len(corners), np.dtype([("v", "<f4", (4, 3)), ("attribute", "<u2")]))
    table["v"][:, 0], table["v"][:, 1:] = normals, corners
    normals = np.round(normals, 5) + 0.0
    head = f"{path.stem}, millimetres".encode().ljust(80, b" ")
    path.write_bytes(head + struct.pack("<I", len(corners)) + table.tobytes())


def _srgb(linear: Floats) -> Floats:
    """Linear light to display sRGB, in [0, 1] (IEC 61966-2-1)."""
    value = np.clip(linear, 0, 1)
    return np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
