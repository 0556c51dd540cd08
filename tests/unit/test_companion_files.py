"""Which files a model may bring with it: regular ones below the models folder, and no others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render.errors import AssetError
from render.library.files import find_files
from render.library.models import ModelLibrary
from render.library.readers import SUFFIXES, companion_files, read_raw
from render.library.readers.companion_files import Companions, Fault
from render.library.readers.notes import Notes
from render.library.readers.raw import RawModel

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def gltf(uri: str) -> str:
    """A triangle whose positions lie in a buffer of that name."""
    return json.dumps({
        "asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "buffers": [{"uri": uri, "byteLength": 36}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
    })  # fmt: skip


BUFFER = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """``models/part``, with files of one kind in it, beside it and above it."""
    inner = tmp_path / "models" / "part"
    inner.mkdir(parents=True)
    for folder in (inner, tmp_path / "models", tmp_path):
        (folder / "b.bin").write_bytes(BUFFER)
        (folder / "m.mtl").write_text("newmtl red\nKd 1 0 0\n")
        Image.new("RGB", (1, 1), (255, 0, 0)).save(folder / "t.png")
    return tmp_path / "models"


def obj(models: Path, name: str, root: Path | None = None) -> RawModel:
    (models / "part/a.obj").write_text(f"mtllib {name}\n{TRIANGLE}")
    return read_raw(models / "part/a.obj", root)


def test_a_name_may_go_up_within_the_models_folder_alone(models: Path) -> None:
    inside = obj(models, "../m.mtl", models)
    (models / "part/m.mtl").unlink()  # else it is read in place of one outside
    outside = obj(models, "../../m.mtl", models)
    alone = obj(models, "../m.mtl")

    assert (models / "part/../m.mtl",) == inside.companions
    assert inside.is_whole
    for model, name in ((outside, "../../m.mtl"), (alone, "../m.mtl")):
        assert () == model.companions
        assert not model.is_whole
        assert (f"its material files lie outside the models folder: {name}",) == model.warnings


def test_no_link_may_lead_out(models: Path) -> None:
    os.symlink(models / "m.mtl", models / "part/in.mtl")
    os.symlink(models.parent / "m.mtl", models / "part/out.mtl")
    os.symlink(models.parent, models / "part/up")

    assert (models / "part/in.mtl",) == obj(models, "in.mtl", models).companions
    for name in ("out.mtl", "up/m.mtl"):
        (models / "part/m.mtl").unlink(missing_ok=True)
        model = obj(models, name, models)
        assert (f"its material files lie outside the models folder: {name}",) == model.warnings


def test_a_link_to_a_folder_of_models_brings_their_companions(models: Path) -> None:
    store = models.parent / "store"
    os.rename(models / "part", store)
    os.symlink(store, models / "part")
    model = obj(models, "m.mtl", models)

    assert (models / "part/m.mtl",) == model.companions


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: os.mkfifo(path), "no regular file"),
        (lambda path: os.symlink("/dev/zero", path), "outside the models folder"),
        (lambda path: path.mkdir(), "no regular file"),
        (lambda path: None, "missing"),
    ],
)
def test_what_is_no_regular_file_is_not_read(
    models: Path, make: Callable[[Path], None], words: str
) -> None:
    for name in ("x.bin", "x.mtl", "x.png"):
        make(models / "part" / name)
    (models / "part/a.gltf").write_text(gltf("x.bin"))
    (models / "part/t.mtl").write_text("newmtl m\nmap_Kd x.png\n")

    with pytest.raises(AssetError, match=words) as refused:
        read_raw(models / "part/a.gltf", models)
    assert "x.bin" in refused.value.reason
    assert words in obj(models, "x.mtl", models).warnings[0]
    assert words in obj(models, "t.mtl", models).warnings[0]


@pytest.mark.parametrize(
    ("uri", "is_read"),
    [
        ("b.bin", True), ("B.BIN", True), ("../b.bin", True), ("%62.bin", True),
        ("../../b.bin", False), ("gone/b.bin", False), ("%2e%2e/%2e%2e/b.bin", False),
        ("/etc/passwd", False), ("file:///etc/passwd", False), ("a\0b", False),
        ("../part/../../b.bin", False), ("x" * 5000, False),
    ],
)  # fmt: skip
def test_buffers_are_read_below_the_models_folder(models: Path, uri: str, is_read: bool) -> None:
    path = models / "part/a.gltf"
    path.write_text(gltf(uri))
    if is_read:
        np.testing.assert_array_equal(
            [1, 1, 0], np.ptp(read_raw(path, models).meshes[0].positions, 0)
        )
    else:
        with pytest.raises(AssetError) as refused:
            read_raw(path, models)
        assert path == refused.value.path


def test_a_file_is_read_once_and_no_further_than_to_its_bound(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (models / "part/big.bin").open("wb") as file:
        file.truncate(2**40)  # sparse: it takes no room on the disk
    os.symlink("b.bin", models / "part/c.bin")
    companions = Companions(models / "part/a.gltf", models, Notes())
    names = ["b.bin", "./b.bin", "../part/b.bin", "c.bin", ".\\B.BIN"]

    assert 1 == len({id(companions.read(name)) for name in names})
    assert Fault.LARGE is companions.read("big.bin")
    monkeypatch.setattr(companion_files, "MOST_BYTES", 100)
    assert [36, 36] == [len(companions.read(n)) for n in ("../b.bin", "b.bin")]  # type: ignore[arg-type]
    (models / "part/d.bin").write_bytes(bytes(29))
    assert Fault.LARGE is companions.read("d.bin")


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_a_model_is_a_regular_file(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    os.symlink("/dev/zero", tmp_path / f"zero{suffix}")
    os.symlink("nowhere", tmp_path / f"broken{suffix}")

    for name in ("pipe", "zero", "broken"):
        with pytest.raises(AssetError):
            read_raw(tmp_path / f"{name}{suffix}")


def test_pipes_and_devices_are_no_files_of_a_folder_and_broken_links_are_told(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.obj").write_text(TRIANGLE)
    os.symlink("a.obj", tmp_path / "link.obj")
    os.symlink("nowhere", tmp_path / "broken.obj")
    os.symlink("/dev/zero", tmp_path / "zero.obj")
    os.mkfifo(tmp_path / "pipe.obj")

    assert {"a.obj", "link.obj", "broken.obj"} == set(find_files(tmp_path, SUFFIXES))
    library = ModelLibrary(tmp_path, skip_bad=True)
    library.check_all()
    assert ("a.obj", "link.obj") == library.names
    assert [tmp_path / "broken.obj"] == [error.path for error in library.skipped]


def test_the_folder_of_models_is_the_root_of_companions(models: Path) -> None:
    (models / "part/a.obj").write_text(f"mtllib ../m.mtl\n{TRIANGLE}")
    material = ModelLibrary(models).load("part/a.obj").primitives[0].material

    assert (1.0, 0.0, 0.0, 1.0) == material.base_color


def test_one_line_for_each_kind_with_the_first_five_names() -> None:
    notes = Notes()
    for name in [*"abcdefg", "a"]:
        notes.add("things are missing", name)
    notes.add("it is skinned")
    notes.add("objects are left out", "support", count=1)
    notes.add("objects are left out", "other", count=2)
    notes.add("objects are left out", "support", count=1)

    assert (
        "things are missing: a, b, c, d, e and 2 more",
        "it is skinned",
        "objects are left out: support (2), other (2)",
    ) == notes.lines()
