"""Readers on files made here, byte by byte, and on thousands of broken ones."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render.errors import AssetError
from render.library.readers import SUFFIXES, read_raw
from render.library.readers.raw import RawMesh, RawModel
from render.library.readers.triangulate import triangulate, triangulate_all

# Tetrahedron with its right-angled corner at (1, 2, 3) and legs of 1, 2 and 4.
POINTS = np.array([[1, 2, 3], [2, 2, 3], [1, 4, 3], [1, 2, 7]], dtype=np.float64)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def volume(mesh: RawMesh) -> float:
    """Signed volume: positive where the faces look outwards."""
    a, b, c = (mesh.positions[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def area(points: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (points[faces[:, i]] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def stl(extra: list[int] | None = None, header: bytes = b"") -> bytes:
    extra = extra or [0] * len(FACES)
    rows = [
        struct.pack("<12fH", 0, 0, 0, *POINTS[face].reshape(-1), attribute)
        for face, attribute in zip(FACES, extra, strict=True)
    ]
    return header.ljust(80, b" ") + struct.pack("<I", len(FACES)) + b"".join(rows)


def stl_text() -> bytes:
    lines = ["solid two parts"]
    for face in FACES:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += [f"  VERTEX {x:e} {y:g} {z}" for x, y, z in POINTS[face]]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid"]).encode()


def off() -> bytes:
    lines = ["COFF # comment", "4 4 6", ""]
    lines += [f"{x} {y} {z} 255 0 0 255" for x, y, z in POINTS]
    lines += [f"3 {a} {b} {c}" for a, b, c in FACES]
    return "\n".join(lines).encode()


def ply(form: str) -> bytes:
    head = (
        f"ply\nformat {form} 1.0\ncomment made here\nelement vertex 4\nproperty float x\n"
        "property double y\nproperty float z\nelement face 4\n"
        "property list uchar int vertex_indices\nproperty uchar red\nproperty uchar green\n"
        "property uchar blue\nend_header\n"
    ).encode()
    if form == "ascii":
        rows = [f"{x} {y} {z}" for x, y, z in POINTS]
        rows += [f"3 {a} {b} {c} 255 0 {10 * a}" for a, b, c in FACES]
        return head + "\n".join(rows).encode()
    order = ">" if "big" in form else "<"
    body = b"".join(struct.pack(f"{order}fdf", *p) for p in POINTS)
    body += b"".join(struct.pack(f"{order}B3i3B", 3, *f, 255, 0, 10 * f[0]) for f in FACES)
    return head + body


def dae(unit: str = '<unit name="inch" meter="0.0254"/>', up: str = "Z_UP") -> bytes:
    floats = " ".join(str(v) for v in POINTS.reshape(-1))
    index = " ".join(str(v) for v in FACES.reshape(-1))
    return f"""<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
 <asset>{unit}<up_axis>{up}</up_axis></asset>
 <library_effects><effect id="e"><profile_COMMON><technique sid="common"><lambert>
  <diffuse><color>1 0.5 0 1</color></diffuse></lambert></technique></profile_COMMON></effect>
 </library_effects>
 <library_materials><material id="m" name="paint"><instance_effect url="#e"/></material>
 </library_materials>
 <library_geometries><geometry id="g"><mesh>
  <source id="p"><float_array id="pa" count="12">{floats}</float_array><technique_common>
   <accessor source="#pa" count="4" stride="3"><param name="X" type="float"/>
   <param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common>
  </source>
  <vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
  <triangles count="4" material="s"><input semantic="VERTEX" source="#v" offset="0"/>
   <p>{index}</p></triangles>
 </mesh></geometry></library_geometries>
 <library_visual_scenes><visual_scene id="sc"><node id="n">
  <translate>10 0 0</translate><scale>-1 1 1</scale>
  <instance_geometry url="#g"><bind_material><technique_common>
   <instance_material symbol="s" target="#m"/></technique_common></bind_material>
  </instance_geometry></node></visual_scene></library_visual_scenes>
 <scene><instance_visual_scene url="#sc"/></scene>
</COLLADA>""".encode()


def three_mf(build: str = '<item objectid="2" transform="0 1 0 -1 0 0 0 0 1 5 0 0"/>') -> bytes:
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in POINTS)
    triangles = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}" p1="{i % 2}"/>' for i, (a, b, c) in enumerate(FACES)
    )
    model = f"""<?xml version="1.0"?>
<model unit="centimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
<resources><basematerials id="7"><base name="a" displaycolor="#FF0000"/>
<base name="b" displaycolor="#0000FFFF"/></basematerials>
<object id="1" pid="7" pindex="0"><mesh><vertices>{vertices}</vertices>
<triangles>{triangles}</triangles></mesh></object>
<object id="2"><components><component objectid="1" transform="1 0 0 0 1 0 0 0 1 0 0 9"/>
</components></object></resources><build>{build}</build></model>"""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("3D/3dmodel.model", model)
    return out.getvalue()


def glb() -> bytes:
    index = FACES.astype("<u2").tobytes()
    points = POINTS.astype("<f4").tobytes()
    root = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 1}, "indices": 0}]}],
        "buffers": [{"byteLength": len(index + points)}],
        "bufferViews": [
            {"buffer": 0, "byteLength": len(index)},
            {"buffer": 0, "byteOffset": len(index), "byteLength": len(points)},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": 12, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC3"},
        ],
    }
    text = json.dumps(root).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(index + points), b"BIN\0") + index + points
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def obj() -> bytes:
    lines = [f"v {x} {y} {z}" for x, y, z in POINTS]
    lines += ["vt 0 0", "vn 0 0 1"]
    lines += [f"f {a - 4}/1/1 {b - 4}/1/-1 {c - 4}/1/1" for a, b, c in FACES]
    return "\n".join(lines).encode()


def iges(flag: int) -> bytes:
    """Three sides of a cube of 25.4 units: patches of degree 1 (entity 128)."""
    s = 25.4
    patches = [
        [(0, 0, 0), (0, s, 0), (s, 0, 0), (s, s, 0)],
        [(0, 0, s), (s, 0, s), (0, s, s), (s, s, s)],
        [(0, 0, 0), (s, 0, 0), (0, 0, s), (s, 0, s)],
    ]
    head = [128, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]
    name = {1: "4HINCH", 2: "2HMM"}[flag]
    stamp = "15H20240101.000000"
    start = (
        f"1H,,1H;,4Hcube,8Hcube.igs,4Htest,4Htest,32,38,6,308,15,4Hcube,1.0,{flag},{name},1,0.01,"
        f"{stamp},1E-6,100.0,4Hnone,4Hnone,11,0,{stamp};"
    )
    sections: dict[str, list[str]] = {"S": ["a cube"], "G": [], "D": [], "P": []}
    sections["G"] = [start[i : i + 72] for i in range(0, len(start), 72)]
    for number, patch in enumerate(patches):
        words = [*head, *(float(v) for p in patch for v in p), 0, 1, 0, 1]
        text = ",".join(str(word) for word in words) + ";"
        rows, row = [], ""
        for word in text.replace(",", ", ").split():
            if len(row) + len(word) > 64:
                rows.append(row)
                row = ""
            row += word
        rows.append(row)
        first = len(sections["P"]) + 1
        sections["P"] += [f"{r:<64}{2 * number + 1:8d}" for r in rows]
        for fields in (
            (128, first, 0, 0, 0, 0, 0, 0, "00000000"),
            (128, 0, 0, len(rows), 0, "", "", "", 0),
        ):
            sections["D"].append("".join(f"{v:>8}" for v in fields))
    lines = [
        f"{text:<72}{letter}{i:7d}" for letter, rows in sections.items()
        for i, text in enumerate(rows, 1)
    ]  # fmt: skip
    counts = "".join(f"{letter}{len(rows):7d}" for letter, rows in sections.items())
    return "\n".join([*lines, f"{counts:<72}T{1:7d}", ""]).encode()


def read(folder: Path, name: str, data: bytes) -> RawModel:
    path = folder / name
    path.write_bytes(data)
    return read_raw(path)


SOUND = {
    "a.stl": stl(),
    "text.stl": stl_text(),
    "a.off": off(),
    "ascii.ply": ply("ascii"),
    "little.ply": ply("binary_little_endian"),
    "big.ply": ply("binary_big_endian"),
    "a.glb": glb(),
    "a.obj": obj(),
    "A.OBJ": obj(),
}


@pytest.mark.parametrize("name", SOUND)
def test_positions_and_winding_are_those_of_the_file(tmp_path: Path, name: str) -> None:
    model = read(tmp_path, name, SOUND[name])
    (mesh,) = model.meshes

    np.testing.assert_array_equal(
        np.sort(mesh.positions[mesh.faces].reshape(-1, 9), axis=0),
        np.sort(POINTS[FACES].reshape(-1, 9), axis=0),
    )
    assert volume(mesh) == pytest.approx(8 / 6)
    assert model.unit_m == (1.0 if name.endswith("glb") else None)
    assert model.up == ("y" if name.endswith("glb") else None)


def test_dae_applies_nodes_and_tells_unit_and_axis(tmp_path: Path) -> None:
    model = read(tmp_path, "a.dae", dae())
    (mesh,) = model.meshes

    assert model.unit_m == pytest.approx(0.0254)
    assert model.up == "z"
    np.testing.assert_allclose(mesh.positions.min(axis=0), (8, 2, 3))
    np.testing.assert_allclose(mesh.positions.max(axis=0), (9, 4, 7))
    assert volume(mesh) == pytest.approx(8 / 6)  # mirrored, and still outwards
    assert mesh.material is not None
    assert mesh.material.name == "paint"
    np.testing.assert_allclose(mesh.material.base_color, (1, 0.21404, 0, 1), atol=1e-4)


def test_dae_without_a_unit_is_in_metres(tmp_path: Path) -> None:
    assert read(tmp_path, "a.dae", dae(unit="", up="Y_UP")).unit_m == 1.0


def test_3mf_applies_components_and_items_and_has_colors(tmp_path: Path) -> None:
    model = read(tmp_path, "a.3mf", three_mf())
    (mesh,) = model.meshes

    assert model.unit_m == pytest.approx(0.01)
    assert model.up == "z"
    # (x, y, z) -> moved by 9 along z -> row vectors: x' = -y + 5, y' = x.
    np.testing.assert_allclose(mesh.positions.min(axis=0), (1, 1, 12))
    np.testing.assert_allclose(mesh.positions.max(axis=0), (3, 2, 16))
    assert volume(mesh) == pytest.approx(8 / 6)
    assert mesh.colors is not None
    np.testing.assert_allclose(mesh.colors[[0, 3]], [(1, 0, 0, 1), (0, 0, 1, 1)])


def test_3mf_objects_that_contain_each_other_are_refused(tmp_path: Path) -> None:
    data = three_mf()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("3D/3dmodel.model").decode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("3D/3dmodel.model", text.replace('component objectid="1"',
                                                          'component objectid="2"'))  # fmt: skip

    with pytest.raises(AssetError, match="contain each other"):
        read(tmp_path, "loop.3mf", out.getvalue())


@pytest.mark.parametrize(("flag", "side_m"), [(1, 0.64516), (2, 0.0254)])
def test_iges_is_in_metres(tmp_path: Path, flag: int, side_m: float) -> None:
    model = read(tmp_path, "a.igs", iges(flag))
    points = np.concatenate([mesh.positions for mesh in model.meshes])

    assert model.unit_m == 1.0
    np.testing.assert_allclose(np.ptp(points, axis=0), [side_m] * 3, rtol=1e-6)
    assert all(mesh.material is None for mesh in model.meshes)


def test_parts_placed_too_often_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.library.readers.raw.MAX_FACES", 15)
    build = '<item objectid="1"/>'

    assert 3 == len(read(tmp_path, "a.3mf", three_mf(3 * build)).meshes)
    with pytest.raises(AssetError, match="at most 15 triangles"):
        read(tmp_path, "a.3mf", three_mf(4 * build))


def test_colors_of_stl(tmp_path: Path) -> None:
    red_magics, blue_magics, object_color = 31, 31 << 10, 1 << 15
    magics = stl([red_magics, blue_magics, object_color, red_magics], b"x COLOR=\x00\xff\x00\xff")
    viscam = stl([1 << 15 | 31 << 10, 1 << 15 | 31, 1 << 15 | 31 << 5, 0])

    (first,), (second,) = (read(tmp_path, "a.stl", d).meshes for d in (magics, viscam))
    assert first.colors is not None
    assert second.colors is not None
    red, green, blue, white = (1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (1, 1, 1, 1)
    np.testing.assert_allclose(first.colors[::3], [red, blue, green, red])
    np.testing.assert_allclose(second.colors[::3], [red, blue, green, white])
    assert first.material is not None


def test_one_color_for_all_vertices_is_a_material(tmp_path: Path) -> None:
    (mesh,) = read(tmp_path, "a.off", off()).meshes

    assert mesh.colors is None
    assert mesh.material is not None
    assert mesh.material.base_color == (1, 0, 0, 1)


def test_colors_of_ply_faces(tmp_path: Path) -> None:
    (mesh,) = read(tmp_path, "a.ply", ply("binary_big_endian")).meshes

    assert mesh.colors is not None
    np.testing.assert_allclose(mesh.colors[::3, 0], 1)
    np.testing.assert_allclose(mesh.colors[-1, 2], ((10 / 255 + 0.055) / 1.055) ** 2.4
                               if 10 / 255 > 0.04045 else 10 / 255 / 12.92)  # fmt: skip


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_with_faces_of_several_sizes(tmp_path: Path, form: str) -> None:
    ring = [(0, 0, 0), (2, 0, 0), (2, 2, 0), (1, 0.5, 0), (0, 2, 0)]  # an M: concave
    faces = [[0, 1, 2, 3, 4], [0, 1, 2], [0, 1, 2, 4]]
    head = (
        f"ply\r\nformat {form} 1.0\r\nelement vertex 5\r\nproperty float x\r\nproperty float y\r\n"
        "property float z\r\nelement face 3\r\nproperty list uchar int vertex_index\r\n"
        "end_header\r\n"
    ).encode()
    order = ">" if "big" in form else "<"
    body = b"".join(struct.pack(f"{order}3f", *p) for p in ring)
    body += b"".join(struct.pack(f"{order}B{len(f)}i", len(f), *f) for f in faces)
    if form == "ascii":
        rows = [" ".join(map(str, p)) for p in ring] + [f"{len(f)} " + " ".join(map(str, f))
                                                        for f in faces]  # fmt: skip
        body = "\r\n".join(rows).encode()
    (mesh,) = read(tmp_path, "a.ply", head + body).meshes

    assert mesh.faces.shape == (3 + 1 + 2, 3)
    assert area(mesh.positions, mesh.faces) == pytest.approx(2.5 + 2 + 4)


def test_ply_texture_and_uv_of_corners(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (0, 128, 255)).save(tmp_path / "My Skin.PNG")
    text = (
        "ply\nformat ascii 1.0\ncomment TextureFile my skin.png\nelement vertex 3\n"
        "property float x\nproperty float y\nproperty float z\nelement face 1\n"
        "property list uchar int vertex_indices\nproperty list uchar float texcoord\nend_header\n"
        "0 0 0\n1 0 0\n0 1 0\n3 2 0 1 6 0.1 0.2 0.3 0.4 0.5 0.6\n"
    )
    model = read(tmp_path, "a.ply", text.encode())
    (mesh,) = model.meshes

    assert model.companions == (tmp_path / "My Skin.PNG",)
    assert mesh.material is not None
    assert mesh.material.base_color_texture is not None
    np.testing.assert_array_equal(mesh.positions, [(0, 1, 0), (0, 0, 0), (1, 0, 0)])
    np.testing.assert_allclose(mesh.uv, [(0.1, 0.2), (0.3, 0.4), (0.5, 0.6)])


def test_stl_with_bytes_behind_its_facets_is_read_with_a_warning(tmp_path: Path) -> None:
    model = read(tmp_path, "a.stl", stl() + b"\0" * 7)

    assert len(FACES) == len(model.meshes[0].faces)
    assert model.warnings


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.stl", stl()[:-10], "cut off"),
        ("a.stl", b"", "not STL"),
        ("a.stl", b"solid empty\nendsolid", "no triangles"),
        ("a.ply", b"plywood", "not PLY"),
        ("a.ply", ply("binary_little_endian")[:-3], "cut off"),
        ("a.ply", ply("ascii")[:-12], "cut off"),
        ("a.ply", ply("ascii").replace(b"vertex 4\n", b"vertex 99999999999\n"), "cut off"),
        ("a.ply", ply("ascii").replace(b"3 1 2 3", b"3 1 2 9"), "outside"),
        ("a.off", b"PLY", "begin with OFF"),
        ("a.off", off()[:-12], "cut off"),
        ("a.dae", b"<a/>", "no scene"),
        ("a.dae", dae()[:900], "not COLLADA"),
        ("a.3mf", b"PK\3\4", "cannot be read"),
        ("a.3mf", three_mf(build=""), "no triangles"),
        ("a.step", b"ISO-10303-21;", "not STEP"),
        ("a.iges", b"junk", "not IGES"),
        ("a.obj", b"v 0 0 0\nf 1 2 3", "line 2"),
        ("a.glb", glb()[:-4], "cut off"),
        ("a.txt", b"", "suffix must be one of"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(AssetError, match=reason) as caught:
        read(tmp_path, name, data)

    assert tmp_path / name == caught.value.path


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_missing_files_and_folders_are_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"folder{suffix}").mkdir()
    for name in (f"missing{suffix}", f"folder{suffix}"):
        with pytest.raises(AssetError):
            read_raw(tmp_path / name)


@pytest.mark.parametrize("name", [*SOUND, "a.dae", "a.3mf"])
def test_damage_ends_in_a_model_or_a_refusal(tmp_path: Path, name: str) -> None:
    """Cut, overwritten and repeated bytes raise nothing but AssetError."""
    sound = {"a.dae": dae(), "a.3mf": three_mf()}.get(name) or SOUND[name]
    rng = np.random.default_rng(7)
    for _ in range(150):
        data = bytearray(sound)
        kind = rng.integers(3)
        at = int(rng.integers(len(data)))
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            for spot in rng.integers(len(data), size=3):
                data[int(spot)] = int(rng.integers(256))
        else:
            data[at:at] = data[at : at + int(rng.integers(1, 40))]
        try:
            model = read(tmp_path, name, bytes(data))
        except AssetError as error:
            assert error.reason
        else:
            assert sum(len(mesh.faces) for mesh in model.meshes) > 0


def test_triangulate_all_covers_each_polygon_once() -> None:
    """Star-shaped rings, many concave, tilted: areas by the shoelace formula."""
    rng = np.random.default_rng(3)
    counts = rng.integers(3, 12, size=300)
    rings, expected = [], []
    for n in counts:
        angle = 2 * np.pi * (np.arange(n) + 0.5 * rng.random(n)) / n
        flat = rng.uniform(0.4, 1.0, n)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        x, y = flat.T
        expected.append(0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        rings.append(flat @ turn[:2] + rng.normal(size=3))
    points = np.concatenate(rings)
    faces = triangulate_all(points, counts)
    owner = np.repeat(np.arange(len(counts)), counts)

    np.testing.assert_array_equal(owner[faces[:, 0]], np.repeat(np.arange(len(counts)), counts - 2))
    for polygon, size in enumerate(expected):
        own = faces[owner[faces[:, 0]] == polygon]
        assert area(points, own) == pytest.approx(size, rel=1e-9)


def test_triangulate_all_agrees_with_triangulate_on_what_is_not_convex() -> None:
    ring = np.array([(0, 0, 0), (2, 0, 0), (2, 2, 0), (1, 0.5, 0), (0, 2, 0)], dtype=np.float64)

    np.testing.assert_array_equal(triangulate_all(ring, np.array([5])), triangulate(ring))
