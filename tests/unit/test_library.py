"""Model files found, told about, checked; assets by name; what the doctor says."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from scipy.spatial.transform import Rotation

from render.errors import AssetError, ConfigError
from render.library.assets import AssetLibrary
from render.library.diagnose import diagnose
from render.library.environments import EnvironmentLibrary
from render.library.images import ImageLibrary
from render.library.models import ModelLibrary
from render.system.cache import Cache
from tests.hand_made import bracket

CREATE = trimesh.creation


def put(folder: Path, name: str, mesh: trimesh.Trimesh | None = None) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (mesh or CREATE.box((1, 2, 3))).export(path, file_type=path.suffix[1:].lower())
    return path


# --- files, names, remarks --------------------------------------------------------------


def test_finds_files_of_every_case_and_leaves_the_rest(tmp_path: Path) -> None:
    for name in (
        "bolt.stl",
        "nuts/M6.STL",
        "nuts/deep/m8.ply",
        "bolt.ply",
        ".hidden.stl",
        ".git/x.stl",
    ):
        put(tmp_path, name)
    for name in ("bolt.yaml", "bolt.mtl", "readme.md", "wood.png"):
        (tmp_path / name).write_text("")
    (tmp_path / "nuts" / "loop").symlink_to(tmp_path)
    library = ModelLibrary(tmp_path)

    assert ("bolt.ply", "bolt.stl", "nuts/M6.STL", "nuts/deep/m8.ply") == library.names
    assert ("bolt", "nuts") == library.categories
    assert "nuts" == library.load("nuts/deep/m8.ply").category
    assert "nuts/M6.STL" == library.load("nuts/M6.STL").name


@pytest.mark.parametrize(
    ("include", "names"),
    [
        (("*",), ["bolt.ply", "bolt.stl", "nuts/M6.stl", "rod.stl"]),
        (("bolt.stl",), ["bolt.stl"]),
        (("bolt",), ["bolt.ply", "bolt.stl"]),
        (("nuts", "rod"), ["nuts/M6.stl", "rod.stl"]),
        (("nuts/*",), ["nuts/M6.stl"]),
        (("fast*",), ["rod.stl"]),
        (("*.stl", "M6"), ["bolt.stl", "nuts/M6.stl", "rod.stl"]),
    ],
)
def test_chooses_by_name_stem_category_and_glob(
    tmp_path: Path, include: tuple[str, ...], names: list[str]
) -> None:
    for name in ("bolt.stl", "bolt.ply", "nuts/M6.stl", "rod.stl"):
        put(tmp_path, name)
    (tmp_path / "rod.yaml").write_text("category: fastener")

    assert tuple(names) == ModelLibrary(tmp_path, include=include).names


def test_a_pattern_that_chooses_nothing_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "bolt.stl")
    with pytest.raises(ConfigError, match=r"models must match .*got 'nutt'; there are bolt.stl"):
        ModelLibrary(tmp_path, include=["bolt", "nutt"])
    with pytest.raises(ConfigError, match=r"models_dir must be a folder, got .*none"):
        ModelLibrary(tmp_path / "none")
    (tmp_path / "bolt.stl").unlink()
    with pytest.raises(ConfigError, match=r"there is no model file \(.*\.step"):
        ModelLibrary(tmp_path)


@pytest.mark.parametrize(
    ("name", "yaml", "extent_m"),
    [
        ("a.stl", None, 0.003),
        ("a.ply", None, 3.0),
        ("a.obj", None, 3.0),
        ("a.glb", None, 3.0),
        ("a.stl", "unit: in", 0.0762),
        ("a.stl", "unit: 1e-6", 3e-6),
        ("a.stl", "unit: 2", 6.0),
        ("a.ply", "unit: ft", 0.9144),
        ("a.glb", "unit: cm", 0.03),
    ],
)
def test_unit_is_of_the_side_file_else_of_the_file_else_the_default(
    tmp_path: Path, name: str, yaml: str | None, extent_m: float
) -> None:
    put(tmp_path, name)
    if yaml:
        (tmp_path / "a.yaml").write_text(yaml)
    model = ModelLibrary(tmp_path).load(name)

    assert extent_m == pytest.approx(model.extent_m)
    assert extent_m / 3 == pytest.approx(model.unit_m)


def test_up_is_of_the_side_file_else_of_the_format(tmp_path: Path) -> None:
    for name in ("a.stl", "a.obj", "b.glb", "c.ply", "d.glb"):
        put(tmp_path, name)
    (tmp_path / "d.yaml").write_text("up: -x")
    library = ModelLibrary(tmp_path)

    assert ["y", "z", "y", "z", "-x"] == [library.load(name).up for name in library.names]


def test_models_yaml_speaks_of_many_and_a_side_file_wins(tmp_path: Path) -> None:
    for name in ("bolts/a.stl", "bolts/b.stl", "c.stl"):
        put(tmp_path, name)
    (tmp_path / "models.yaml").write_text(
        "bolts/*: {category: bolt, unit: cm}\nb: {unit: m, finish: brass}\nc.stl: {up: y}\n"
    )
    (tmp_path / "bolts/b.yaml").write_text("unit: in\n")
    library = ModelLibrary(tmp_path)
    a, b, c = (library.inspect(name) for name in library.names)

    assert ("bolt", "c") == library.categories
    assert [0.01, 0.0254, 0.001] == [x.model.unit_m for x in (a, b, c)]
    assert ["models.yaml", "b.yaml", "default for STL (mm)"] == [x.unit_source for x in (a, b, c)]
    assert "brass" == b.model.primitives[0].material.name
    assert "y" == c.model.up


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        (
            "a.yaml",
            "units: mm",
            "finish, keypoints, symmetries, states, got 'units'",
        ),
        ("a.yaml", "unit: parsec", "unit must be one of m, mm, cm, um, in, ft or"),
        ("a.yaml", "unit: -1", "got -1"),
        ("a.yaml", "unit: true", "got True"),
        ("a.yaml", "unit: [mm]", "got ['mm']"),
        ("a.yaml", "up: Z", "up must be one of x, y, z, -x, -y, -z, got 'Z'"),
        ("a.yaml", "finish: [steel]", "finish must be one of steel"),
        ("a.yaml", "category: 5", "category must be a name, got 5"),
        ("a.yaml", 'category: "a\\uD800"', "category must be a name in UTF-8, got 'a\\ud800'"),
        ("a.yaml", 'keypoints: {"\\uD800": [0, 0, 0]}', "keypoints must have names in UTF-8"),
        ("a.yaml", "- unit", "must hold keys and values"),
        ("a.yaml", "a: [", "cannot be read"),
        ("b.yaml", "unit: mm", "must be said of one file, and b.ply, b.stl share the name"),
        ("models.yaml", "b: {unit: mm}", "must be said of one file, and b.ply, b.stl share"),
        ("models.yaml", "nut: {unit: mm}", "nut must name a model file"),
        (
            "models.yaml",
            "a: mm",
            "finish, keypoints, symmetries, states), got 'mm'",
        ),
    ],
)
def test_a_mistake_in_remarks_is_told(tmp_path: Path, file: str, text: str, reason: str) -> None:
    for name in ("a.stl", "b.stl", "b.ply"):
        put(tmp_path, name)
    (tmp_path / file).write_text(text)
    with pytest.raises(AssetError) as told:
        ModelLibrary(tmp_path).check_all()

    assert file in str(told.value)
    assert reason in told.value.reason


def test_a_mistake_in_a_side_file_leaves_out_its_models_alone(tmp_path: Path) -> None:
    for name in ("a.stl", "b.stl", "b.ply"):
        put(tmp_path, name)
    (tmp_path / "b.yaml").write_text("unit: parsec")
    library = ModelLibrary(tmp_path, skip_bad=True)
    library.check_all()

    assert ("a.stl",) == library.names
    assert [tmp_path / "b.yaml"] * 2 == [error.path for error in library.skipped]


def test_files_of_one_stem_share_what_is_true_of_both(tmp_path: Path) -> None:
    put(tmp_path, "b.stl")
    put(tmp_path, "b.ply")
    (tmp_path / "b.yaml").write_text("category: both")
    (tmp_path / "models.yaml").write_text("b.stl: {unit: in}")
    library = ModelLibrary(tmp_path)

    assert ("both",) == library.categories
    assert [1.0, 0.0254] == [library.load(name).unit_m for name in library.names]


# --- identity, memory, bad files --------------------------------------------------------


def test_sha256_is_of_the_file_and_of_all_that_changes_the_model(tmp_path: Path) -> None:
    path = put(tmp_path, "a.stl")
    hashes = [ModelLibrary(tmp_path).sha256("a.stl")]

    assert hashlib.sha256(path.read_bytes()).hexdigest() == hashes[0]
    (tmp_path / "a.yaml").write_text("unit: in")
    hashes.append(ModelLibrary(tmp_path).sha256("a.stl"))
    obj = tmp_path / "o.obj"
    obj.write_text("mtllib o.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n")
    for color in ((255, 0, 0), (0, 255, 0)):
        (tmp_path / "o.mtl").write_text("newmtl m\nmap_Kd o.png\n")
        Image.new("RGB", (2, 2), color).save(tmp_path / "o.png")
        hashes.append(ModelLibrary(tmp_path).sha256("o.obj"))

    assert 4 == len(set(hashes))
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert hashes[3] == ModelLibrary(moved).sha256("o.obj")


def test_a_loaded_model_stays_the_same_object(tmp_path: Path) -> None:
    put(tmp_path, "a.stl")
    library = ModelLibrary(tmp_path)
    library.check_all()
    first = library.load("a.stl")

    assert first is library.load("a.stl")
    assert first.sha256 == library.sha256("a.stl")


class Sized:
    """A thing of some bytes, which may grow."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes


def cache_of(max_bytes: int, **sizes: int) -> tuple[Cache[str, Sized], dict[str, Sized]]:
    cache: Cache[str, Sized] = Cache(max_bytes, lambda thing: thing.n_bytes)
    things = {key: Sized(size) for key, size in sizes.items()}
    for key, thing in things.items():
        cache.put(key, thing)
    return cache, things


def test_cache_keeps_what_was_used_last_within_its_bytes() -> None:
    cache, things = cache_of(100, a=40, b=40)
    assert things["a"] is cache.get("a")
    cache.put("c", c := Sized(40))

    assert [things["a"], None, c] == [cache.get(k) for k in "abc"]
    cache.put("huge", huge := Sized(1000))
    assert [None, None, huge] == [cache.get(k) for k in ("a", "c", "huge")]
    cache.put("huge", smaller := Sized(10))
    cache.put("d", d := Sized(90))
    assert [smaller, d] == [cache.get(k) for k in ("huge", "d")]


def test_cache_notices_what_has_grown_when_it_is_used() -> None:
    cache, things = cache_of(100, a=40, b=40)
    things["b"].n_bytes = 70

    assert things["b"] is cache.get("b")
    assert cache.get("a") is None


def test_cache_notices_what_has_grown_when_something_new_comes() -> None:
    cache, things = cache_of(100, a=30, b=30)
    things["a"].n_bytes = 60
    cache.put("c", c := Sized(40))

    assert [None, things["b"], c] == [cache.get(k) for k in "abc"]


def test_all_bad_models_are_told_at_once_or_left_out(tmp_path: Path) -> None:
    put(tmp_path, "good.stl")
    for name in ("bad.stl", "worse.glb"):
        (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(AssetError, match=r"2 models .*skip_bad=true.*bad\.stl: .*worse\.glb: "):
        ModelLibrary(tmp_path).check_all()
    library = ModelLibrary(tmp_path, skip_bad=True)
    library.check_all()

    assert ("good.stl",) == library.names
    assert ("good",) == library.categories
    assert ["bad.stl", "worse.glb"] == [error.path.name for error in library.skipped]
    with pytest.raises(AssetError, match=r"bad\.stl: .*skip_bad=true leaves it out"):
        ModelLibrary(tmp_path, include=["bad"]).check_all()
    with pytest.raises(AssetError, match="none of its models can be used"):
        ModelLibrary(tmp_path, include=["bad", "worse"], skip_bad=True).check_all()


@pytest.mark.parametrize("name", [b"caf\xe9.stl", b"caf\xe9/part.stl"])
def test_names_of_other_encodings_are_told_before_anything_is_drawn(
    name: bytes, tmp_path: Path
) -> None:
    put(tmp_path, "good.stl")
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((tmp_path / "good.stl").read_bytes())

    with pytest.raises(AssetError, match="must have a name in UTF-8: rename") as told:
        ModelLibrary(tmp_path).check_all()
    library = ModelLibrary(tmp_path, skip_bad=True)
    library.check_all()

    assert told.value.path == path
    assert r"caf\udce9" in str(told.value).encode().decode()
    assert library.names == ("good.stl",)
    assert [error.path for error in library.skipped] == [path]


def test_a_file_that_is_gone_is_an_asset_error(tmp_path: Path) -> None:
    path = put(tmp_path, "a.stl")
    library = ModelLibrary(tmp_path)
    path.unlink()
    with pytest.raises(AssetError, match=r"a\.stl: "):
        library.load("a.stl")


# --- primitives, assets, doctor ---------------------------------------------------------


def test_assets_serve_files_and_primitives(tmp_path: Path) -> None:
    put(tmp_path, "a.stl")
    Image.new("RGB", (3, 2), (9, 8, 7)).save(tmp_path / "p.png")
    images = ImageLibrary(tmp_path, what="backgrounds")
    assets = AssetLibrary(
        models=ModelLibrary(tmp_path),
        environments=EnvironmentLibrary(tmp_path),
        backgrounds=images,
        textures=images,
    )
    volumes = {
        "box": 1.0, "sphere": np.pi / 6, "cylinder": np.pi * 0.35**2,
        "cone": np.pi * 0.4**2 / 3, "torus": 2 * np.pi**2 * 0.35 * 0.15**2,
    }  # fmt: skip

    assert "a.stl" == assets.model("a.stl").name
    assert [9, 8, 7] == assets.background("p.png")[0, 0].tolist()
    assert (2, 3, 3) == assets.texture("p.png").shape
    for kind, volume in volumes.items():
        model = assets.model(f"primitive:{kind}")
        (primitive,) = model.primitives
        mesh = trimesh.Trimesh(primitive.positions_m, primitive.faces)
        assert model is assets.model(f"primitive:{kind}")
        assert (f"primitive:{kind}", 1.0, True) == (model.name, model.extent_m, model.is_closed)
        assert volume == pytest.approx(mesh.volume, rel=0.02)


def _turned(mesh: trimesh.Trimesh, factor: float = 1.0, *, mirror: bool = False) -> trimesh.Trimesh:
    turned = mesh.copy().subdivide()
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [0.5, 1.0, 2.0]).as_matrix()
    turned.apply_transform(turn)
    turned.apply_scale((-factor if mirror else factor, factor, factor))
    return turned.apply_translation((0.4, -3.0, 2.0))


def _handed() -> trimesh.Trimesh:
    """An L with a peg on one side: not its own mirror image."""
    peg = CREATE.box((0.02, 0.02, 0.06)).apply_translation((0.28, -0.19, 0.13))
    return trimesh.util.concatenate([bracket(), peg])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("bracket [rev2]", ["bracket [rev2].ply"]),
        ("bracket [rev2].ply", ["bracket [rev2].ply"]),
        ("clips [old]/a", ["clips [old]/a.ply"]),
        ("clips [old]", ["clips [old]/a.ply", "clips [old]/b.ply"]),  # their category
        ("bracket [a-z]", ["bracket r.ply"]),  # equals nothing: a glob
        ("what?*", ["what?*.ply"]),
        ("what??", ["what?*.ply", "what?1.ply"]),
    ],
)
def test_a_name_that_equals_the_pattern_wins_over_the_glob(
    pattern: str, expected: list[str], tmp_path: Path
) -> None:
    box = CREATE.box((0.1, 0.1, 0.1))
    files = ("bracket [rev2]", "bracket r", "clips [old]/a", "clips [old]/b", "what?*", "what?1")
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        put(tmp_path, f"{name}.ply", box)
    (tmp_path / "models.yaml").write_text("'bracket [rev2]': {category: angle, unit: cm}\n")
    library = ModelLibrary(tmp_path, include=[pattern])

    assert expected == list(library.names)
    if pattern == "bracket [rev2]":
        assert 0.001 == pytest.approx(library.load(expected[0]).extent_m)
        assert ("angle",) == library.categories
        assert expected == list(ModelLibrary(tmp_path, include=["angle"]).names)


def test_doctor_finds_parts_that_differ_by_scale_or_mirror(tmp_path: Path) -> None:
    part = _handed()
    put(tmp_path, "a.ply", part)
    put(tmp_path, "b_scaled.ply", _turned(part, 25.4))
    put(tmp_path, "c_mirrored.ply", _turned(part, mirror=True))
    put(tmp_path, "d_same.ply", _turned(part))
    longer = part.copy().apply_scale((1.03, 1.0, 1.0))
    put(tmp_path, "e_longer.ply", longer)
    told = {r.name: r.warnings for r in diagnose(ModelLibrary(tmp_path))}

    assert ("the same shape and size as d_same.ply",) == told["a.ply"]
    assert "the same shape, 25.4 x, as a.ply (and 1 like it)" == told["b_scaled.ply"][-1]
    assert ("the mirror image of a.ply (and 1 like it)",) == told["c_mirrored.ply"]
    assert () == told["d_same.ply"]
    assert () == told["e_longer.ply"]


def test_doctor_tells_equal_files_in_one_line(tmp_path: Path) -> None:
    for i in range(40):
        put(tmp_path, f"part{i:02}.ply", _turned(_handed()))
    told = [w for r in diagnose(ModelLibrary(tmp_path)) for w in r.warnings]

    assert ["the same shape and size as part01.ply, part02.ply, part03.ply and 36 more"] == told


def test_doctor_tells_apart_what_has_one_spread_and_not_one_skew(tmp_path: Path) -> None:
    for name, across in (("even", [1.0, -1.0, 0.0, -1.0, 1.0]), ("one_out", [-1, -1, 4, -1, -1])):
        along = 2.0 * np.arange(-2, 3)
        unit = np.linalg.norm(across)
        cubes = [
            CREATE.box().apply_translation((3 * x / unit, y, 0)) for x, y in zip(across, along)
        ]
        put(tmp_path, f"{name}.ply", trimesh.util.concatenate(cubes))

    assert [(), ()] == [r.warnings for r in diagnose(ModelLibrary(tmp_path))]


def test_doctor_reports_sizes_units_and_errors(tmp_path: Path) -> None:
    put(tmp_path, "bolt.ply", CREATE.box((8, 8, 12)))
    put(tmp_path, "chip.stl", CREATE.box((0.01, 0.02, 0.005)))
    put(tmp_path, "plate.stl", CREATE.box((100, 200, 3)))
    (tmp_path / "torn.stl").write_bytes(b"solid")
    bolt, chip, plate, torn = diagnose(ModelLibrary(tmp_path))

    assert (8.0, 8.0, 12.0) == pytest.approx(bolt.size_m)
    assert (
        "it is 12 m long by its unit (default for PLY (m)); as mm 12 mm, as in 304.8 mm, "
        "as cm 120 mm: where one of these is right, say it as `unit` in a side file",
    ) == bolt.warnings
    assert (
        "it is 0.02 mm long by its unit (default for STL (mm)); as m 20 mm, as in 0.508 mm, "
        "as cm 0.2 mm: only m is usual, say `unit: m` in a side file",
    ) == chip.warnings
    assert ((), 12, 1e-3, True) == (plate.warnings, plate.triangles, plate.unit_m, plate.is_closed)
    assert ("torn", (0.0, 0.0, 0.0)) == (torn.category, torn.size_m)
    assert torn.error
