"""Every real model file ends in a model of the right size or in a refusal with a reason.

Oracles: trimesh's own loaders where they are right, and sizes in metres by hand where they
are not (the list of traps in the data's README).
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers import SUFFIXES, read_raw
from render.library.readers.raw import RawModel
from tests.conftest import SHARED

MODELS = SHARED / "models"
FILES = sorted(
    str(path.relative_to(MODELS))
    for path in MODELS.rglob("*")
    if path.suffix.lower() in SUFFIXES
)  # fmt: skip

# Refused, with a word that the reason must hold.
REFUSED = {
    "nasty/assimp/OBJ/point_cloud.obj": "no triangles",
    "nasty/assimp/OBJ/testline.obj": "no triangles",
    "nasty/assimp/OBJ/testpoints.obj": "no triangles",
    "nasty/assimp/OFF/invalid.off": "corners",
    "nasty/assimp/PLY/issue623.ply": "cut off",
    "nasty/assimp/PLY/points.ply": "no triangles",
    "nasty/assimp/glTF2/MissingBin/BoxTextured.gltf": "BoxTextured0.bin",
    "nasty/assimp/glTF2/RecursiveNodes/RecursiveNodes.gltf": "tree",
    "nasty/assimp/glTF2/SchemaFailures/sceneWrongType.gltf": "hello",
    "nasty/assimp/glTF2/TestNoRootNode/NoScene.gltf": "no triangles",
    "nasty/assimp/glTF2/TestNoRootNode/SceneWithoutNodes.gltf": "no triangles",
    "nasty/assimp/glTF2/wrongTypes/badArray.gltf": "array",
    "nasty/assimp/glTF2/wrongTypes/badNumber.gltf": "BoxTextured0.bin",
    "nasty/derived/stool_meshopt.glb": "EXT_meshopt_compression",
    "nasty/trimesh/empty.obj": "no triangles",
    "nasty/trimesh/empty.ply": "no triangles",
    "nasty/trimesh/empty.stl": "no triangles",
    "nasty/trimesh/emptyIO/obj_empty.obj": "no triangles",
    "nasty/trimesh/emptyIO/obj_points.obj": "no triangles",
    "nasty/trimesh/emptyIO/obj_wireframe.obj": "no triangles",
    "nasty/trimesh/emptyIO/ply_empty_ascii.ply": "no triangles",
    "nasty/trimesh/emptyIO/ply_empty_header.ply": "no triangles",
    "nasty/trimesh/emptyIO/ply_points_bin.ply": "no triangles",
    "nasty/trimesh/emptyIO/stl_empty_bin.stl": "no triangles",
    "nasty/trimesh/empty_nodes.glb": "no triangles",
    "nasty/trimesh/face_in_group_name.obj": "no triangles",
    "nasty/trimesh/points_ascii.ply": "no triangles",
    "nasty/trimesh/points_bin.ply": "no triangles",
    "nasty/trimesh/points_emptyface.ply": "no triangles",
}
# Read where DracoPy is installed; what happens without it is tested on a file of our own.
DRACO = "nasty/derived/stool_draco.glb"
# Positions that are not finite or indices out of range: read as they are, for the checks of the
# model builder.
UNCHECKED = {
    "nasty/assimp/glTF2/BoxWithInfinites-glTF-Binary/BoxWithInfinites.glb",
    "nasty/assimp/glTF2/IndexOutOfRange/AllIndicesOutOfRange.gltf",
    "nasty/assimp/glTF2/IndexOutOfRange/IndexOutOfRange.gltf",
    "nasty/derived/nan_vertex.obj",
}
# Sizes in metres, by hand: longest side, or all three.
SIZES_M = {
    "cad/trimesh/featuretype.STEP": (0.127, 0.0635, 0.034925),  # inches inside
    "cad/trimesh/featuretype.3MF": (0.127, 0.0635, 0.034925),  # unit="inch"
    "cad/trimesh/counterXP.3MF": (0.3048, 0.3044088, 0.025838251),  # unit="millimeter"
    "cad/trimesh/box_sides.STEP": (0.18415, 0.1143, 0.09525),
    "cad/rparak/CAD/STEP/Metal_Blank.stp": (0.05, 0.05, 0.014),
    "cad/die/d6_die_16mm.glb": (0.016, 0.016, 0.016),
    "nasty/assimp/3MF/production_components.3mf": (0.025, 0.01, 0.01),
    "nasty/assimp/Collada/cube_xmlspecialchars.dae": (1.0, 1.0, 1.0),  # centimetres
    "nasty/trimesh/pins.glb": (0.254, 0.254, 0.0254),  # its meshes say mm
    "pbr/polyhaven_painted_wooden_stool/painted_wooden_stool_1k.gltf": (0.385, 0.579, 0.406),
    "nasty/derived/stool_quantize.glb": (0.385, 0.579, 0.406),
    "nasty/derived/stool_webp.glb": (0.385, 0.579, 0.406),
}
# In the file's own units, which are not stored.
SIZES = {
    "cad/trimesh/featuretype.STL": 5.0,
    "nasty/derived/featuretype_mm.stl": 127.0,
    "nasty/derived/featuretype_far_from_origin.stl": 5.0,
    "cad/die/d6_die_16mm_mm.stl": 16.0,
}
# Where trimesh has no right answer: lowest and highest corner by hand.
BOUNDS = {
    # Parts of several files under one id, millimetres.
    "nasty/assimp/3MF/production_components.3mf": ((0, 0, 0), (25, 10, 10)),
    # Quantised: the box of the file that it was made of, within a step of 1/16383.
    "nasty/derived/stool_quantize.glb": (
        (-0.18747957, -0.0009894, -0.18980525),
        (0.19735786, 0.57792568, 0.21626905),
    ),
    # Cubes with sides of 2 at (+-2.5, 0, 0) and beside; trimesh fails over its wrong tangents.
    "nasty/assimp/glTF2/IncorrectVertexArrays/Cube.gltf": ((-3.5, -1, -1), (3.5, 1, 3.5)),
}

pytestmark = pytest.mark.skipif(not FILES, reason=f"real models for tests are not at {SHARED}")


@functools.cache
def read(name: str) -> RawModel:
    return read_raw(MODELS / name)


def corners(model: RawModel) -> NDArray[np.float64]:
    """``(N, 3)`` positions that a face uses, of all meshes."""
    return np.concatenate([mesh.positions[np.unique(mesh.faces)] for mesh in model.meshes])


def extents(model: RawModel) -> NDArray[np.float64]:
    return np.ptp(corners(model), axis=0)


@pytest.mark.parametrize("name", [name for name in FILES if name != DRACO])
def test_every_file_is_read_or_refused_with_a_reason(name: str) -> None:
    if name in REFUSED:
        with pytest.raises(AssetError) as refused:
            read(name)

        assert REFUSED[name] in refused.value.reason
        assert refused.value.path == MODELS / name
        return
    model = read(name)

    assert all(len(mesh.faces) > 0 for mesh in model.meshes)
    for mesh in model.meshes:
        count = len(mesh.positions)
        assert (count, 3) == mesh.positions.shape
        assert mesh.normals is None or mesh.normals.shape == (count, 3)
        assert mesh.uv is None or mesh.uv.shape == (count, 2)
        assert mesh.colors is None or mesh.colors.shape == (count, 4)


@pytest.mark.parametrize("name", [n for n in FILES if n not in {*REFUSED, *UNCHECKED, DRACO}])
def test_box_is_that_of_trimesh_or_of_hand(name: str) -> None:
    expected = BOUNDS.get(name)
    if expected is None:
        expected = trimesh.load(MODELS / name, force="scene").to_mesh().bounds
    model = read(name)
    found = np.stack([corners(model).min(axis=0), corners(model).max(axis=0)])

    size = float(np.ptp(expected, axis=0).max())
    step = 1 / 16383 if name == "nasty/derived/stool_quantize.glb" else 1e-6
    np.testing.assert_allclose(found, expected, atol=step * size, rtol=1e-7)


@pytest.mark.parametrize("name", sorted(SIZES_M))
def test_size_in_metres(name: str) -> None:
    model = read(name)

    assert model.unit_m is not None
    np.testing.assert_allclose(model.unit_m * extents(model), SIZES_M[name], rtol=2e-3)


@pytest.mark.parametrize("name", sorted(SIZES))
def test_size_where_no_unit_is_stored(name: str) -> None:
    model = read(name)

    assert model.unit_m is None
    assert SIZES[name] == pytest.approx(extents(model).max(), rel=1e-6)


def test_other_files_are_refused_by_their_suffix() -> None:
    for path in (p for p in MODELS.rglob("*") if p.is_file()):
        if path.suffix.lower() not in SUFFIXES:
            with pytest.raises(AssetError, match="suffix must be one of"):
                read_raw(path)


@pytest.mark.skipif(find_spec("DracoPy") is None, reason="DracoPy is not installed")
def test_draco_is_read_with_its_decoder() -> None:
    np.testing.assert_allclose(extents(read(DRACO)), (0.385, 0.579, 0.406), rtol=2e-3)


def test_a_part_far_from_the_origin_keeps_its_faces() -> None:
    near = read("cad/trimesh/featuretype.STL").meshes[0]
    far = read("nasty/derived/featuretype_far_from_origin.stl").meshes[0]

    assert near.faces.shape == far.faces.shape
    assert near.positions.shape == far.positions.shape


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cad/trimesh/base_interface_AP203.STEP", None),  # no styled item in the file
        ("cad/trimesh/featuretype.STEP", (202, 209, 238)),  # the default of SolidWorks
        ("cad/trimesh/featuretype.3MF", (202, 209, 238)),
        ("cad/trimesh/20mm-xyz-cube.stl", (156, 156, 156)),  # 15 bits of each facet: 19 of 31
        ("cad/trimesh/featuretype.STL", None),
        ("nasty/assimp/PLY/float-color.ply", (0, 0, 255)),
    ],
)
def test_looks_are_those_of_the_file(name: str, expected: tuple[int, int, int] | None) -> None:
    material = read(name).meshes[0].material
    if expected is None:
        assert material is None
        return

    assert material is not None
    linear = np.array(material.base_color[:3])
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(255 * srgb, expected, atol=0.6)
    assert material.metallic == 0


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("nasty/trimesh/blue_cube.dae", "z"),
        ("nasty/assimp/Collada/cube_xmlspecialchars.dae", "y"),
        ("cad/trimesh/featuretype.3MF", "z"),
        ("cad/die/d6_die_16mm.glb", "y"),
        ("cad/trimesh/featuretype.STEP", None),
        ("cad/trimesh/featuretype.STL", None),
        ("cad/rparak/CAD/OBJ/T_Joint.obj", None),
    ],
)
def test_up_axis(name: str, up: str | None) -> None:
    assert up == read(name).up


def test_concave_polygons_of_dae_and_obj_cover_the_same_area() -> None:
    def area(path: Path) -> float:
        mesh = read_raw(path).meshes[0]
        a, b, c = (mesh.positions[mesh.faces[:, i]] for i in range(3))
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    def outline_area(path: Path) -> float:
        """Of all polygons together by Newell's formula, straight from the OBJ's text."""
        points, total = [], np.zeros(3)
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] == ["v"]:
                points.append([float(w) for w in words[1:4]])
            elif words[:1] == ["f"]:
                ring = np.array([points[int(w.split("/")[0]) - 1] for w in words[1:]])
                total += np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0) / 2
        return float(np.linalg.norm(total))

    obj = MODELS / "nasty/assimp/OBJ/concave_polygon.obj"
    expected = outline_area(obj)

    assert expected == pytest.approx(area(obj), rel=1e-5)
    assert expected == pytest.approx(
        area(MODELS / "nasty/assimp/Collada/ConcavePolygon.dae"), rel=1e-4
    )
