"""What is said of a folder of models or pictures: categories, files that cannot be read."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

import render
from render.errors import AssetError, ConfigError
from render.library.categories import categories_text
from render.library.diagnose import diagnose
from render.library.environments import EnvironmentLibrary
from render.library.images import ImageLibrary
from render.library.models import ModelLibrary
from render.report.doctor import models_text

BOX = trimesh.creation.box((0.1, 0.1, 0.05))
ROD = trimesh.creation.cylinder(0.01, 0.2)


def put(folder: Path, name: str, mesh: trimesh.Trimesh = BOX) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    mesh.export(folder / name)


def test_a_folder_of_different_parts_is_told_once(tmp_path: Path) -> None:
    for name, mesh in (("box", BOX), ("rod", ROD), ("ball", trimesh.creation.icosphere(2, 0.1))):
        put(tmp_path, f"parts/{name}.ply", mesh)
    for i, scale in enumerate((1.0, 2.0, 3.0)):  # of one shape
        put(tmp_path, f"rods/{i}.ply", ROD.copy().apply_scale(scale))
    for name, mesh in (("a", BOX), ("b", ROD)):  # said, so it is meant
        put(tmp_path, f"said/{name}.ply", mesh)
        (tmp_path / f"said/{name}.yaml").write_text("category: thing")
    library = ModelLibrary(tmp_path)
    library.check_all()
    (told,) = [x for x in library.remarks if "category" in x]

    assert told.startswith(
        "category parts is that of 3 files of different shapes, for being their folder: "
        "parts/ball.ply, parts/box.ply, parts/rod.ply; "
    )
    reports = diagnose(ModelLibrary(tmp_path))
    assert [told] == [w for r in reports for w in r.warnings if "category" in w]
    assert "3 of 8 models; of several files: parts (3), rods (3), thing (2)" == categories_text(
        library.files_of
    )
    assert "categories: 3 of 8 models; of several files: parts (3)" in models_text(reports)


def test_categories_of_one_file_each_are_counted_alone() -> None:
    assert "2 of 2 models" == categories_text({"bolt": ["bolt.ply"], "nut": ["nut.ply"]})
    assert "1 of 1 model" == categories_text({"bolt": ["bolt.ply"]})


def test_categories_that_are_written_nearly_the_same_are_told() -> None:
    names = ("Bolt", "bolt", "gr\u00f6\u00dfe", "gro\u0308\u00dfe", "nut")

    told = categories_text({name: [f"{name}.ply"] for name in names})
    assert told == "5 of 5 models; written nearly the same: " + ", ".join(
        f"{one} and {other}" for one, other in (names[:2], names[2:4])
    )


def test_model_files_of_other_kinds_are_named_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, "box.ply")
    for name in ("a.fbx", "b.FBX", "c.fbx", "d.fbx", "x/e.SLDPRT", "f.3dxml", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"?")
    library = ModelLibrary(tmp_path)

    assert (
        "1 file of a kind that is not read (.3dxml): f.3dxml; "
        "export STEP from the program that made them",
        "4 files of a kind that is not read (.fbx): a.fbx, b.FBX, c.fbx and 1 more; "
        "export GLB, such as from Blender",
        "1 file of a kind that is not read (.sldprt): x/e.SLDPRT; "
        "export STEP from the program that made them",
    ) == library.passed_over
    told = " ".join(models_text(diagnose(library), library.passed_over).split())
    assert all(line in told for line in library.passed_over)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("a.stpz", "unpack them"),
        ("parts.ZIP", "unpack them"),
        ("a.p21", "give them the suffix .step"),
        ("scan.e57", "make a mesh of them"),
        ("a.x3db", "export GLB"),
        ("a.rvt", "export STEP"),
    ],
)
def test_every_kind_of_model_file_has_its_hint(tmp_path: Path, name: str, hint: str) -> None:
    put(tmp_path, "box.ply")
    (tmp_path / name).write_bytes(b"?")

    (told,) = ModelLibrary(tmp_path).passed_over
    assert name in told
    assert hint in told


def test_pictures_among_environments_are_named_and_hidden_files_are_not_maps(
    tmp_path: Path,
) -> None:
    for name in ("sky.JPG", "sky.png", "._sky.hdr", "a/sky.hdr"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"?")
    library = EnvironmentLibrary(tmp_path)

    assert ("a/sky.hdr",) == library.names
    assert ["(.jpg): sky.JPG", "(.png): sky.png"] == [
        line.split(" not read ")[1].split(";")[0] for line in library.passed_over
    ]
    (tmp_path / "a" / "sky.hdr").unlink()
    with pytest.raises(AssetError, match=r"has none; .*sky\.JPG; light needs a wider range"):
        EnvironmentLibrary(tmp_path).check_all()


def test_a_folder_of_nothing_else_says_so(tmp_path: Path) -> None:
    (tmp_path / "part.blend").write_bytes(b"?")
    with pytest.raises(ConfigError, match=r"no model file .*\(\.blend\): part\.blend; export GLB"):
        ModelLibrary(tmp_path)


def test_a_run_warns_of_what_it_passes_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    put(tmp_path, "models/box.ply")
    (tmp_path / "models" / "box.jt").write_bytes(b"?")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "IMG_1.HEIC").write_bytes(b"?")
    words = (
        f"assets.models_dir={tmp_path / 'models'}",
        f"assets.backgrounds_dir={tmp_path}/photos",
    )
    with pytest.raises(ConfigError, match=r"assets\.backgrounds_dir holds none that can be read"):
        render.compose(*words, "background=photo")
    assert "(.jt): box.jt; export STEP" in caplog.text
    assert "(.heic): IMG_1.HEIC; they are read where pillow-heif is installed" in caplog.text
    assert "pip install pillow-heif" in caplog.text


def test_heic_is_read_where_pillow_heif_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Image.fromarray(np.full((4, 6, 3), (10, 200, 30), np.uint8))
    fake = types.ModuleType("pillow_heif")
    fake.__spec__ = types.SimpleNamespace(name="pillow_heif")  # type: ignore[assignment]
    opened = types.SimpleNamespace(to_pillow=lambda: shown, size=shown.size)
    photo = b"\0\0\0\x18ftypheic" + bytes(12)
    fake.open_heif = lambda data: opened if data.read() == photo else None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", fake)
    (tmp_path / "IMG_1.HEIC").write_bytes(photo)
    library = ImageLibrary(tmp_path, what="backgrounds")
    library.check_all()

    assert ("IMG_1.HEIC",) == library.names
    assert () == library.passed_over
    np.testing.assert_array_equal(np.asarray(shown), library.load("IMG_1.HEIC"))


def test_real_heic(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:, 48:] = (250, 120, 10)
    heif.from_pillow(Image.fromarray(pixels)).save(tmp_path / "a.heic", quality=95)
    library = ImageLibrary(tmp_path, what="backgrounds")

    assert np.abs(library.load("a.heic").astype(int) - pixels).mean() < 6
