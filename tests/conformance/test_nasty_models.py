"""Every real model file ends in a sound `Model` or in a refusal: the library as users meet it.

What the files hold is checked by `test_formats`; here it is what the library makes of it.
"""

from __future__ import annotations

import functools
from importlib.util import find_spec

import numpy as np
import pytest
import trimesh

from render.errors import AssetError
from render.library.build_model import BuiltModel
from render.library.diagnose import diagnose
from render.library.files import find_files
from render.library.models import ModelLibrary
from render.library.readers import SUFFIXES
from tests.conftest import SHARED

MODELS = SHARED / "models"
FILES = sorted(
    f"{folder}/{name}"
    for folder in ("nasty", "cad", "pbr", "robot")
    for name in find_files(MODELS / folder, SUFFIXES)
)

# Geometry that readers pass on and the library refuses, with words of the reason.
REFUSED = {
    "nasty/assimp/OBJ/number_formats.obj": "no triangle that has an area",
    "nasty/assimp/glTF2/BoxWithInfinites-glTF-Binary/BoxWithInfinites.glb": "finite, got 24",
    "nasty/assimp/glTF2/IndexOutOfRange/AllIndicesOutOfRange.gltf": "0 to 23, got 65535",
    "nasty/assimp/glTF2/IndexOutOfRange/IndexOutOfRange.gltf": "0 to 23, got 255",
    "nasty/derived/nan_vertex.obj": "finite, got 1 ",
    "nasty/assimp/glTF2/RecursiveNodes/RecursiveNodes.gltf": "tree",
    "nasty/derived/stool_meshopt.glb": "EXT_meshopt_compression",
    "nasty/trimesh/points_ascii.ply": "no triangles",
}

# Sides in millimetres along the file's axes, and a word of each warning, in order.
LOADED = {
    "nasty/derived/featuretype_far_from_origin.stl": ((5, 2.5, 1.5), ("1971 degen", "origin")),
    "nasty/derived/featuretype_half_flipped.ply": ((5000, 2500, 1375), ("mixed",)),
    "nasty/derived/featuretype_inverted_winding.stl": ((5, 2.5, 1.375), ("inside out",)),
    "nasty/derived/featuretype_mm.stl": ((127, 63.5, 34.925), ()),
    "nasty/derived/nonmanifold_degenerate.ply": ((1000, 2000, 1000), ("2 degenerate",)),
    "nasty/derived/stool_quantize.glb": ((384.8, 578.9, 406), ()),
    "nasty/derived/stool_webp.glb": ((384.8, 578.9, 406), ()),
    "nasty/assimp/glTF2/BoxBadNormals-glTF-Binary/BoxBadNormals.glb": (
        (1000, 1000, 1000),
        ("normals",),
    ),
    "nasty/trimesh/nancolor.obj": ((1000, 1000, 1000), ("colours",)),
    "nasty/trimesh/pins.glb": ((254, 254, 25.4), ("mm",)),
    "nasty/assimp/Collada/cube_xmlspecialchars.dae": ((1000, 1000, 1000), ()),
    "cad/trimesh/featuretype.STL": ((5, 2.5, 1.375), ()),
    "cad/trimesh/featuretype.STEP": ((127, 63.5, 34.925), ()),
    "cad/trimesh/featuretype.3MF": ((127, 63.5, 34.925), ()),
    "cad/die/d6_die_16mm.glb": ((16, 16, 16), ()),
    "cad/die/d6_die_16mm_mm.stl": ((16, 16, 16), ()),
}

CLOSED = {
    "nasty/derived/featuretype_mm.stl": True,
    "nasty/derived/featuretype_half_flipped.ply": False,
    "nasty/derived/featuretype_inverted_winding.stl": False,
    "nasty/derived/nonmanifold_degenerate.ply": False,
    "nasty/assimp/STL/sphereWithHole.stl": False,
    "nasty/trimesh/suzanne.ply": False,
    "nasty/trimesh/rgb_cube_with_primitives.gltf": True,  # one cube of three materials
    "nasty/trimesh/two_objects.obj": True,
    "cad/die/d6_die_16mm_mm.stl": True,
    "cad/trimesh/featuretype.STL": True,  # one corner is 0 here and 1e-17 there
}


@functools.lru_cache(maxsize=1)
def library() -> ModelLibrary:
    return ModelLibrary(MODELS)


def outcome(name: str) -> BuiltModel | AssetError:
    try:
        return library().inspect(name)
    except AssetError as error:
        return error


def built(name: str) -> BuiltModel:
    found = outcome(name)
    assert isinstance(found, BuiltModel), found
    return found


@pytest.mark.skipif(not FILES, reason="real models are not there")
@pytest.mark.parametrize("name", FILES)
def test_ends_in_a_sound_model_or_a_refusal(name: str) -> None:
    found = outcome(name)
    if isinstance(found, AssetError):
        assert found.path.is_file()
        assert "\n" not in found.reason
        return
    model = found.model
    assert model.primitives
    for primitive in model.primitives:
        count = len(primitive.positions_m)
        arrays = [primitive.positions_m, primitive.normals, primitive.faces]
        arrays += [a for a in (primitive.uv, primitive.colors) if a is not None]
        assert [count, count] == [len(primitive.normals), len(np.unique(primitive.faces))]
        assert all(np.isfinite(a).all() and not a.flags.writeable for a in arrays)
        np.testing.assert_allclose(1.0, np.linalg.norm(primitive.normals, axis=1), atol=1e-5)
        assert len(primitive.faces)
        assert primitive.faces.min() == 0
        corners = primitive.positions_m[primitive.faces]
        areas = np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )
        assert (areas > 0).all()
    points = np.concatenate([p.positions_m for p in model.primitives])
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((200, 3))
    slack = 1e-9 * np.abs(points).max()
    assert (
        (points @ directions.T).max(axis=0) <= (model.hull_m @ directions.T).max(axis=0) + slack
    ).all()
    # What rests has its centre of mass over the ground it touches; see test_library for odds.
    assert len(model.stable_poses) >= 1
    assert 1.0 == pytest.approx(model.stable_probs.sum())
    np.testing.assert_allclose(1.0, np.linalg.det(model.stable_poses), atol=1e-9)


@pytest.mark.skipif(not FILES, reason="real models are not there")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refuses_with_the_reason(name: str) -> None:
    found = outcome(name)

    assert isinstance(found, AssetError)
    assert REFUSED[name] in found.reason


@pytest.mark.skipif(not FILES, reason="real models are not there")
@pytest.mark.parametrize("name", sorted(LOADED))
def test_has_its_size_and_says_what_is_wrong(name: str) -> None:
    size_mm, words = LOADED[name]
    found = built(name)

    assert size_mm == pytest.approx(1e3 * np.ptp(found.model.bounds_m, axis=0), rel=2e-3)
    assert len(words) == len(found.warnings), found.warnings
    assert all(word in warning for word, warning in zip(words, found.warnings))


@pytest.mark.skipif(not FILES, reason="real models are not there")
@pytest.mark.parametrize("name", sorted(CLOSED))
def test_knows_what_is_closed(name: str) -> None:
    assert CLOSED[name] == built(name).model.is_closed


@pytest.mark.skipif(not FILES, reason="real models are not there")
@pytest.mark.skipif(find_spec("DracoPy") is None, reason="DracoPy is not installed")
def test_draco_loads_with_its_decoder() -> None:
    bounds_m = built("nasty/derived/stool_draco.glb").model.bounds_m

    assert (0.3848, 0.5789, 0.406) == pytest.approx(np.ptp(bounds_m, axis=0), rel=2e-3)


@pytest.mark.skipif(not FILES, reason="real models are not there")
def test_keeps_every_vertex_far_from_the_origin() -> None:
    name = "nasty/derived/featuretype_far_from_origin.stl"
    data = (MODELS / name).read_bytes()[84:]
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    corners = np.frombuffer(data, record)["corners"].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    expected = np.unique(corners[np.linalg.norm(cross, axis=1) > 0].reshape(-1, 3), axis=0)
    primitive = built(name).model.primitives[0]
    got = np.unique(primitive.positions_m, axis=0)

    np.testing.assert_allclose(got, expected * 1e-3, rtol=1e-15)


@pytest.mark.skipif(not FILES, reason="real models are not there")
@pytest.mark.parametrize(
    "name",
    ["cad/trimesh/featuretype.ply", "cad/die/d6_die_16mm_mm.stl", "cad/trimesh/plate_holes.STL"],
)
def test_volume_and_centroid_are_those_of_trimesh(name: str) -> None:
    mesh = trimesh.load_mesh(MODELS / name)
    surface = built(name).surface

    assert mesh.volume == pytest.approx(surface.volume, rel=1e-5)
    assert mesh.center_mass == pytest.approx(surface.centroid, abs=1e-5 * mesh.scale)


@pytest.mark.skipif(not FILES, reason="real models are not there")
def test_doctor_finds_one_part_in_three_units_and_suspects_sizes() -> None:
    parts = [
        "featuretype.3MF",
        "featuretype.STL",
        "featuretype.ply",
        "ADIS16480.STL",
        "plate_holes.STL",
        "octagonal_pocket.stl",
        "idler_riser.STL",
        "torus.STL",
        "cycloidal.ply",
    ]
    reports = {r.name: r for r in diagnose(ModelLibrary(MODELS / "cad/trimesh", include=parts))}

    assert [] == [n for n, r in reports.items() if r.error]
    for name in ("featuretype.STL", "featuretype.ply"):
        unit, kin = reports[name].warnings
        assert "featuretype.3MF is 127 mm long, say `unit: in`" in unit
        assert kin.endswith(" x, as featuretype.3MF")
    assert "only m is usual, say `unit: m`" in reports["ADIS16480.STL"].warnings[0]
    assert () == reports["plate_holes.STL"].warnings
    (told,) = reports["octagonal_pocket.stl"].warnings
    assert "as m 228.6 mm, as in 5.806 mm, as cm 2.286 mm" in told
    assert "(0.625 in, 9 in) speak for `unit: m`" in told
    for name in ("idler_riser.STL", "cycloidal.ply"):
        assert "speak for `unit: in`" in reports[name].warnings[0]
    assert "where one of these is right" in reports["torus.STL"].warnings[0]
