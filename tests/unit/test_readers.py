"""Readers on files made here, byte by byte, and on thousands of broken ones."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from render.errors import AssetError
from render.library.readers import SUFFIXES, read_raw
from render.library.readers.raw import RawMesh, RawModel
from render.library.readers.triangulate import triangulate, triangulate_all
from tests.model_files import (
    FACES,
    POINTS,
    dae,
    glb,
    iges,
    obj,
    off,
    ply,
    stl,
    stl_text,
    three_mf,
)


def volume(mesh: RawMesh) -> float:
    """Signed volume: positive where the faces look outwards."""
    a, b, c = (mesh.positions[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def area(points: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (points[faces[:, i]] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


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


@pytest.mark.parametrize(
    ("unit", "up", "unit_m", "axis", "told"),
    [
        ('<unit name="millimeter"/>', "Z_UP", 0.001, "z", ()),
        ('<unit meter="1e-3"/>', "\n X_UP ", 0.001, "x", ()),
        ('<unit name="cm" meter="0,01"/>', "Z_UP", 1.0, "z", ("0,01",)),
        ('<unit name="cm" meter="0"/>', "Z_UP", 1.0, "z", ("0",)),
        ('<unit name="cm" meter="nan"/>', "Z_UP", 1.0, "z", ("nan",)),
        ('<unit name="furlong"/>', "Z_UP", 1.0, "z", ("furlong",)),
        ('<unit meter="1"/>', "W_UP", 1.0, "y", ("W_UP",)),
    ],
)
def test_dae_units_and_axes_that_cannot_be_read_are_told(
    tmp_path: Path, unit: str, up: str, unit_m: float, axis: str, told: tuple[str, ...]
) -> None:
    model = read(tmp_path, "a.dae", dae(unit=unit, up=up))

    assert (unit_m, axis) == (model.unit_m, model.up)
    assert told == tuple(line.rpartition(": ")[2] for line in model.warnings)


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


@pytest.mark.parametrize(("top", "given"), [(1.0, (1, 0.5, 0)), (255.0, (255, 127.5, 0))])
def test_ply_colors_as_floats_up_to_1_or_to_255(
    tmp_path: Path, top: float, given: tuple[float, ...]
) -> None:
    names = "".join(f"property float {n}\n" for n in ("x", "y", "z", "red", "green", "blue"))
    head = f"ply\nformat ascii 1.0\nelement vertex 3\n{names}element face 1\n"
    rows = [(0, 0, 0, *given), (1, 0, 0, *given), (0, 1, 0, 0, 0, top)]
    text = head + "property list uchar int vertex_index\nend_header\n"
    text += "\n".join(" ".join(f"{v:g}" for v in row) for row in rows) + "\n3 0 1 2\n"
    (mesh,) = read(tmp_path, "a.ply", text.encode()).meshes

    assert mesh.colors is not None
    half = ((0.5 + 0.055) / 1.055) ** 2.4
    expected = [(1, half, 0, 1), (1, half, 0, 1), (0, 0, 1, 1)]
    np.testing.assert_allclose(mesh.colors, expected, atol=1e-9)


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


_WITHOUT_DRACO = """
import sys
from pathlib import Path

sys.modules["DracoPy"] = None
from render.errors import AssetError
from render.library.readers import read_raw

try:
    read_raw(Path(sys.argv[1]))
except AssetError as error:
    print(error.reason)
"""


def _draco(path: Path) -> None:
    """A file whose triangles are said to be compressed, by bytes that are not."""
    extension = {"bufferView": 0, "attributes": {"POSITION": 0}}

    def compress(root: dict[str, Any]) -> None:
        root["extensionsRequired"] = ["KHR_draco_mesh_compression"]
        primitive = root["meshes"][0]["primitives"][0]
        primitive["extensions"] = {"KHR_draco_mesh_compression": extension}

    path.write_bytes(glb(compress))


def test_draco_without_its_decoder_is_refused_with_the_way_to_get_it(tmp_path: Path) -> None:
    _draco(tmp_path / "a.glb")
    command = [sys.executable, "-c", _WITHOUT_DRACO, str(tmp_path / "a.glb")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == (
        "is compressed with KHR_draco_mesh_compression: pip install DracoPy, or export it without\n"
    )


@pytest.mark.skipif(find_spec("DracoPy") is None, reason="DracoPy is not installed")
def test_draco_with_its_decoder_is_refused_where_it_is_broken(tmp_path: Path) -> None:
    _draco(tmp_path / "a.glb")

    with pytest.raises(AssetError, match="KHR_draco_mesh_compression data cannot be decoded"):
        read_raw(tmp_path / "a.glb")


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


TEXTS = {"a.stl": stl_text(), "a.ply": ply("ascii"), "a.off": off()}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be-sig"]
)
def test_text_in_any_encoding_and_with_any_line_ends(
    tmp_path: Path, name: str, ending: str, encoding: str
) -> None:
    text = TEXTS[name].decode().replace("\n", ending)
    text = "\ufeff" + text if encoding == "utf-16-be-sig" else text
    model = read(tmp_path, name, text.encode(encoding.removesuffix("-sig") if "16" in encoding
                                             else encoding))  # fmt: skip

    (mesh,) = model.meshes
    assert len(FACES) == len(mesh.faces)
    corners = mesh.positions[mesh.faces].reshape(-1, 3)
    np.testing.assert_allclose(corners, POINTS[FACES].reshape(-1, 3))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_words_of_a_text_model_in_any_case(tmp_path: Path, name: str, change: Any) -> None:
    (mesh,) = read(tmp_path, name, change(TEXTS[name].decode()).encode()).meshes

    assert len(FACES) == len(mesh.faces)
    assert [1, 2, 4] == np.ptp(mesh.positions, axis=0).tolist()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("name", "data"), [("a.ply", ply("binary_little_endian")), ("a.stl", stl(header=b"made here"))]
)
def test_binary_models_that_an_editor_saved_are_refused_with_the_mark(
    tmp_path: Path, name: str, data: bytes, encoding: str
) -> None:
    with pytest.raises(AssetError, match="byte order mark"):
        read(tmp_path, name, data.decode("latin-1").encode(encoding))


def test_rows_of_a_binary_ply_whose_header_ends_its_lines_with_a_return(tmp_path: Path) -> None:
    data = ply("binary_little_endian")
    at = data.index(b"end_header\n") + len(b"end_header\n")
    (mesh,) = read(tmp_path, "a.ply", data[:at].replace(b"\n", b"\r") + data[at:]).meshes

    np.testing.assert_allclose(mesh.positions[mesh.faces], POINTS[FACES])


def _ply_of_colors(kind: str, rows: str, *, of: str) -> bytes:
    """A triangle whose vertices or face have colours of a type."""
    names = "".join(f"property {kind} {n}\n" for n in ("red", "green", "blue", "alpha"))
    xyz = "property float x\nproperty float y\nproperty float z\n"
    points, colors = ["0 0 0", "1 0 0", "0 1 0"], rows.split(",")
    if of == "vertex":
        points = [f"{p} {c}" for p, c in zip(points, colors, strict=True)]
    face = "3 0 1 2" if of == "vertex" else f"3 0 1 2 {colors[0]}"
    return (
        f"ply\nformat ascii 1.0\nelement vertex 3\n{xyz}{names if of == 'vertex' else ''}"
        "element face 1\nproperty list uchar int vertex_indices\n"
        f"{names if of == 'face' else ''}end_header\n" + "\n".join([*points, face]) + "\n"
    ).encode()


@pytest.mark.parametrize(
    ("kind", "rows", "rgba"),
    [
        ("float", "255 0 0 255,255 0 0 255,255 0 0 255", (1, 0, 0, 1)),
        ("float", "255 0 0 1,255 0 0 1,255 0 0 1", (1, 0, 0, 1)),  # alpha as a share
        ("double", "1 0 0 1,1 0 0 1,1 0 0 1", (1, 0, 0, 1)),
        ("float", "1.0001 0 0 1,1 0 0 1,1 0 0 1", (1, 0, 0, 1)),  # rounded up, no byte
        ("int", "255 0 0 255,255 0 0 255,255 0 0 255", (1, 0, 0, 1)),
        ("uchar", "255 0 0 255,255 0 0 255,255 0 0 255", (1, 0, 0, 1)),
        ("ushort", "65535 0 0 65535,65535 0 0 65535,65535 0 0 65535", (1, 0, 0, 1)),
        ("short", "32767 0 0 32767,32767 0 0 32767,32767 0 0 32767", (1, 0, 0, 1)),
        ("int", "65535 0 0 65535,65535 0 0 65535,65535 0 0 65535", (1, 0, 0, 1)),
        ("uint", "4294967295 0 0 255,4294967295 0 0 255,4294967295 0 0 255", (1, 0, 0, 1)),
        ("float", "65535 0 0 1,65535 0 0 1,65535 0 0 1", (1, 0, 0, 1)),
        ("char", "255 0 0 255,255 0 0 255,255 0 0 255", (1, 0, 0, 1)),
        ("char", "-1 0 0 -1,-1 0 0 -1,-1 0 0 -1", (1, 0, 0, 1)),  # bytes of C's signed char
    ],
)
@pytest.mark.parametrize("of", ["vertex", "face"])
def test_ply_colors_of_vertices_and_faces_by_their_range(
    tmp_path: Path, kind: str, rows: str, rgba: tuple[float, ...], of: str
) -> None:
    (mesh,) = read(tmp_path, "a.ply", _ply_of_colors(kind, rows, of=of)).meshes

    assert mesh.material is not None  # one colour for all is a material
    assert rgba == pytest.approx(mesh.material.base_color, abs=1e-3)


@pytest.mark.parametrize(
    "rows", ["255 0 0,0 0 255", "1 0 0,0 0 1", "1.0 0 0,0 0 1", "255 0 0 255,0 0 255 255"]
)
def test_off_colors_of_faces_are_bytes_where_one_is_over_one(tmp_path: Path, rows: str) -> None:
    red, blue = rows.split(",")
    text = f"OFF\n4 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2 {red}\n3 0 2 3 {blue}\n"
    (mesh,) = read(tmp_path, "a.off", text.encode()).meshes

    assert mesh.colors is not None
    np.testing.assert_array_equal(mesh.colors, 3 * [(1, 0, 0, 1)] + 3 * [(0, 0, 1, 1)])


@pytest.mark.parametrize("of", ["vertex", "face"])
@pytest.mark.parametrize(
    ("kind", "top"),
    [
        ("char", 255), ("uchar", 255), ("short", 255), ("short", 32767), ("ushort", 255),
        ("ushort", 65535), ("int", 255), ("int", 65535), ("int", 2**31 - 1), ("uint", 255),
        ("uint", 65535), ("uint", 2**32 - 1), ("int64", 65535), ("float16", 255), ("float", 1),
        ("float", 255), ("float", 65535), ("double", 1), ("double", 255), ("double", 65535),
    ],
)  # fmt: skip
def test_ply_colors_of_every_type_are_the_same(
    tmp_path: Path, kind: str, top: int, of: str
) -> None:
    shares = np.array([255, 128, 0, 255]) / 255
    is_whole = not kind.startswith(("float", "double"))
    row = " ".join(str(round(top * x) if is_whole else top * x) for x in shares)
    (mesh,) = read(tmp_path, "a.ply", _ply_of_colors(kind, f"{row},{row},{row}", of=of)).meshes

    assert mesh.material is not None
    middle = ((128 / 255 + 0.055) / 1.055) ** 2.4  # sRGB's own curve
    assert (1, middle, 0, 1) == pytest.approx(mesh.material.base_color, abs=3e-3)


def test_ply_colors_that_are_not_read_are_named(tmp_path: Path) -> None:
    data = _ply_of_colors("uchar", "1 2 3 4,1 2 3 4,1 2 3 4", of="vertex")
    data = data.replace(b"property uchar red", b"property uchar rgb0")
    data = data.replace(b"element face", b"element edge 1\nproperty int vertex1\nelement face")
    model = read(tmp_path, "a.ply", data.replace(b"\n3 0 1 2", b"\n0\n3 0 1 2"))

    assert (
        "colours of a kind that is not read: rgb0",
        "elements that are not drawn: edge",
    ) == model.warnings


def test_off_faces_without_a_color_are_white(tmp_path: Path) -> None:
    faces = "3 0 1 2 255 0 0\n3 0 2 3\n3 0 1 3 7\n"
    text = f"OFF\n4 3 0\n0 0 0\n1 0 0\n1 1 0\n0 1 1\n{faces}"
    model = read(tmp_path, "a.off", text.encode())

    assert ("colours that are numbers of a colour map are not drawn",) == model.warnings
    (mesh,) = model.meshes
    assert mesh.colors is not None
    np.testing.assert_array_equal(mesh.colors, 3 * [(1, 0, 0, 1)] + 6 * [(1, 1, 1, 1)])


def test_off_numbers_that_its_first_line_does_not_name_are_told(tmp_path: Path) -> None:
    text = "OFF\n3 1 0\n0 0 0 255 0 0\n1 0 0 255 0 0\n0 1 0 255 0 0\n3 0 1 2\n"

    (warning,) = read(tmp_path, "a.off", text.encode()).warnings
    assert warning.startswith("numbers behind vertices")


def test_stl_names_that_speak_of_a_vertex_are_no_corners(tmp_path: Path) -> None:
    data = stl_text().replace(b"solid", b"solid vertex cover plate", 1)

    (mesh,) = read(tmp_path, "a.stl", data).meshes
    np.testing.assert_allclose(mesh.positions[mesh.faces], POINTS[FACES])


def test_stl_facets_of_four_corners_are_refused(tmp_path: Path) -> None:
    data = stl_text().lower().replace(b"endloop", b"vertex 1 1 1\nendloop", 3)

    with pytest.raises(AssetError, match="more than triangles"):
        read(tmp_path, "a.stl", data)


def test_stl_text_that_ends_behind_a_facet_is_told(tmp_path: Path) -> None:
    data = stl_text().lower()
    model = read(tmp_path, "a.stl", data[: data.rindex(b"endsolid")])

    assert ("it has no endsolid: it may be cut off",) == model.warnings
    with pytest.raises(AssetError, match="cut off"):
        read(tmp_path, "a.stl", data[: data.rindex(b"endloop")])


def test_points_and_lines_of_many_meshes_are_one_line(tmp_path: Path) -> None:
    def change(root: dict[str, Any]) -> None:
        lines = {"attributes": {"POSITION": 1}, "mode": 1}
        root["meshes"] += [{"primitives": [lines, lines]}] * 9
        root["nodes"] += [{"mesh": mesh} for mesh in range(1, 10)]
        root["scenes"] = [{"nodes": list(range(10))}]

    model = read(tmp_path, "a.glb", glb(change))

    assert ("it holds points or lines, which are not drawn",) == model.warnings
    assert [4] == [len(mesh.faces) for mesh in model.meshes]


def test_extensions_of_many_materials_are_one_line(tmp_path: Path) -> None:
    def change(root: dict[str, Any]) -> None:
        extension = {"KHR_materials_clearcoat": {}, "KHR_materials_sheen": {}}
        root["materials"] = [{"extensions": extension}] * 9
        root["meshes"][0]["primitives"] = [
            {**root["meshes"][0]["primitives"][0], "material": index} for index in range(9)
        ]

    model = read(tmp_path, "a.glb", glb(change))

    assert (
        "extensions of materials are not drawn: KHR_materials_clearcoat, KHR_materials_sheen",
    ) == model.warnings
