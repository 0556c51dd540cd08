"""The disk cache, values mapped from it, and large models that are read once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

import render.library.models as models_module
import render.scene as scene_module
import render.system.disk_cache as disk_cache_module
import render.system.memo as memo_module
from render.engine.pyrender.naming import named_faces
from render.engine.surface_edges import surface_edges
from render.library.build_model import BuiltModel
from render.library.models import ModelLibrary
from render.scene import Material, Texture
from render.system.disk_cache import cached
from render.system.memory_map import is_mapped, parts_of
from render.system.paths import find_assets
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "render"


def image(level: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full((3, 5, 4), level, np.uint8)


def assert_same(a: Any, b: Any) -> None:
    """Field by field; arrays byte by byte."""
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif is_dataclass(a):
        for f in fields(a):
            if f.init:
                assert_same(getattr(a, f.name), getattr(b, f.name))
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


def test_value_is_made_once_and_comes_back_as_it_was() -> None:
    shared = image(7)
    value = (
        Material(base_color_texture=Texture(image=shared), normal_texture=Texture(image=shared)),
        np.arange(12, dtype=np.int32).reshape(3, 4).T,  # not contiguous
        np.zeros((0, 3)),
        (1, 0.1, -1e-300, float("inf"), "ä", True, None, (), b"", b"glb\0"),
    )
    made = cached("a key", lambda: value)
    again = cached("a key", lambda: pytest.fail("made again"))
    for got in (made, again):
        assert_same(value, got)
        assert is_mapped(got[1])
        assert not got[1].flags.writeable
        # One image is one image.
        assert got[0].base_color_texture.image is got[0].normal_texture.image
    other = cached("another key", lambda: (np.ones(2),))
    np.testing.assert_array_equal(other[0], [1.0, 1.0])


def test_value_that_is_not_valid_any_more_is_made_again() -> None:
    cached("key", lambda: (1,))
    assert cached("key", lambda: (2,), is_valid=lambda v: v == (1,)) == (1,)
    assert cached("key", lambda: (2,), is_valid=lambda v: v != (1,)) == (2,)
    assert cached("key", lambda: (3,)) == (2,)


@pytest.mark.parametrize("at", [0, 20, 30, 60, -1, None])
def test_damaged_file_is_made_again(cache_folder: Path, at: int | None) -> None:
    value = (np.arange(1000), "text")
    cached("key", lambda: value)
    (path,) = cache_folder.iterdir()
    data = bytearray(path.read_bytes())
    if at is None:
        data = data[: len(data) // 2]
    elif at == -1:
        data[-100] ^= 1  # within the array
    else:
        data[at] ^= 1
    path.write_bytes(data)
    assert_same(cached("key", lambda: value), value)
    assert_same(cached("key", lambda: (np.zeros(1), "not asked for")), value)


@dataclass(frozen=True)
class NotOfThePackage:
    number: int = 1


def test_only_classes_of_the_package_are_taken() -> None:
    with pytest.raises(TypeError, match="NotOfThePackage cannot be mapped"):
        cached("key", lambda: NotOfThePackage())


def test_folder_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    np.testing.assert_array_equal(cached("key", lambda: (np.arange(3),))[0], [0, 1, 2])


def test_folder_that_may_only_be_read_serves_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    cached("key", lambda: (1,))

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "touch", refused)
    assert cached("key", lambda: (2,)) == (1,)


def test_without_a_home_nothing_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert cached("key", lambda: (1,)) == (1,)
    assert cached("key", lambda: (2,)) == (2,)


def test_what_is_larger_than_the_bound_drives_nothing_out(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached("small", lambda: (np.zeros(10),))
    monkeypatch.setattr(disk_cache_module, "_MAX_BYTES", 4000)
    assert not is_mapped(cached("large", lambda: (np.zeros(1000),))[0])
    assert len(list(cache_folder.iterdir())) == 1


def test_folder_keeps_its_bound_and_the_values_used_last(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(map(len, parts_of(bytes(1000))))
    monkeypatch.setattr(disk_cache_module, "_MAX_BYTES", 3 * size)
    for now, key in enumerate("abcad"):  # a is used again before d comes
        cached(key, lambda: bytes(1000))
        newest = max(cache_folder.iterdir(), key=lambda p: p.stat().st_mtime_ns)
        os.utime(newest, (now, now))

    names = {hashlib.sha256(key.encode()).hexdigest() + ".mapped" for key in "acd"}
    assert {path.name for path in cache_folder.iterdir()} == names


def test_class_that_has_changed_since_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cached("key", lambda: Texture(image=image(1)))
    monkeypatch.delattr(scene_module, "Texture")

    assert cached("key", lambda: (2,)) == (2,)


def test_digest_is_of_the_whole_package(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "render", tmp_path / "render")
    source = tmp_path / "render" / "library" / "readers" / "stl.py"
    code = "from render.system.disk_cache import source_digest; print(source_digest())"

    def digest() -> str:
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": "."},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    before = digest()
    source.write_text(source.read_text() + "# changed\n")
    assert digest() != before


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "_LARGE_BYTES", 0)
    monkeypatch.setattr(memo_module, "_LARGE_FACES", 0)


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    reads: list[Path] = []
    read = models_module.read_raw

    def counted(path: Path, root: Path) -> Any:
        reads.append(path)
        return read(path, root)

    monkeypatch.setattr(models_module, "read_raw", counted)
    return reads


@pytest.mark.parametrize("name", ["bearing.glb", "bracket.obj", "valve.ply", "flange.step"])
def test_large_model_is_read_once_and_is_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    folder = find_assets("models")
    plain = ModelLibrary(folder).inspect(name)
    request.getfixturevalue("everything_is_large")
    reads = count_reads(monkeypatch)
    first, second = (ModelLibrary(folder).inspect(name) for _ in range(2))
    assert len(reads) == 1
    for built in (first, second):
        assert_same(plain, built)
        assert_same(surface_edges(plain.model), surface_edges(built.model))
        assert_same(named_faces(plain.model), named_faces(built.model))
        assert is_mapped(built.model.primitives[0].positions_m)
        assert is_mapped(surface_edges(built.model).ends)
        # The system can take all of it back.
        assert built.n_bytes < 0.1 * plain.n_bytes


@pytest.mark.usefixtures("everything_is_large")
def test_another_file_or_companion_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = count_reads(monkeypatch)

    def color() -> tuple[float, ...]:
        built: BuiltModel = ModelLibrary(tmp_path).inspect("box.obj")
        assert len(built.model.primitives[0].faces) == 12
        return built.model.primitives[0].material.base_color

    mesh = trimesh.creation.box()
    text = trimesh.exchange.obj.export_obj(mesh, include_color=False, include_texture=False)
    (tmp_path / "box.obj").write_text(f"mtllib box.mtl\nusemtl one\n{text}")
    color()  # without the material file that it names: looked for again
    assert len(reads) == 1
    (tmp_path / "box.mtl").write_text("newmtl one\nKd 1 0 0\n")
    assert color()[:3] == (1.0, 0.0, 0.0)
    assert color()[:3] == (1.0, 0.0, 0.0)
    assert len(reads) == 2
    (tmp_path / "box.mtl").write_text("newmtl one\nKd 0 1 0\n")
    assert color()[:3] == (0.0, 1.0, 0.0)
    assert len(reads) == 3
    (tmp_path / "box.yaml").write_text("unit: mm\n")
    library = ModelLibrary(tmp_path)
    assert library.load("box.obj").extent_m == pytest.approx(1e-3)
    assert len(reads) == 4
