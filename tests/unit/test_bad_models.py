"""Bad model files of this project's own, through the library: a sound model or a named refusal.

Each stands for a kind; `tests/conformance/test_nasty_models.py` has real ones beside them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render.errors import AssetError
from render.library.build_model import BuiltModel
from render.library.models import ModelLibrary
from tests.model_files import FACES, POINTS, dae, glb, obj, off, ply, stl, stl_text, three_mf

_CUT = glb().index(b"BIN\0") + 4  # where the indices of the GLB begin


def _json(change: Callable[[dict[str, Any]], None]) -> bytes:
    return glb(change)


def _with(key: str, value: object) -> bytes:
    """The GLB with one more entry at its root."""
    return glb(lambda root: root.update({key: value}))


def _node(**entries: object) -> bytes:
    """The GLB with more entries of its only node."""
    return glb(lambda root: root["nodes"][0].update(entries))


def _index(value: int) -> bytes:
    data = glb()
    return data[:_CUT] + struct.pack("<H", value) + data[_CUT + 2 :]


def _position(value: float) -> bytes:
    data = glb()
    return data[:-4] + struct.pack("<f", value)


def _obj(points: np.ndarray, faces: np.ndarray) -> bytes:
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in points.tolist()]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces.tolist()]
    return "\n".join(lines).encode()


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "nan": ("a.obj", obj().replace(b"v 1.0 2.0 7.0", b"v 1.0 nan 7.0"), "finite, got 1 "),
    "no number": ("a.obj", obj().replace(b"v 1.0 2.0 7.0", b"v 1.0 two 7.0"), "finite, got 1 "),
    "infinite": ("a.glb", _position(np.inf), "finite, got 1 "),
    "index": ("a.glb", _index(65535), "0 to 3, got 65535"),
    "no area": ("a.obj", _obj(0 * POINTS, FACES), "no triangle that has an area"),
    "huge": ("a.obj", _obj(1e8 * POINTS, FACES), "1e-09 to 1e+06 m"),
    "tiny": ("a.obj", _obj(1e-12 * POINTS, FACES), "1e-09 to 1e+06 m"),
    "loop": ("a.glb", _node(children=[0]), "tree"),
    "no node": ("a.glb", _with("nodes", []), "and there are 0"),
    "no scene": ("a.glb", _with("scene", "hello"), "hello"),
    "no array": ("a.glb", _with("meshes", 5), "must be an array"),
    "no number in a node": ("a.glb", _node(scale=["x", 1, 1]), "scale must be 3 numbers"),
    "other version": ("a.glb", _with("asset", {"version": "1.0"}), "glTF 1.0"),
    "missing buffer": (
        "a.glb",
        _with("buffers", [{"uri": "gone.bin", "byteLength": 72}]),
        "gone.bin",
    ),
    "short buffer": ("a.glb", _with("buffers", [{"byteLength": 10**6}]), "bytes, not 1000000"),
    "meshopt": ("a.glb", _with("extensionsRequired", ["EXT_meshopt_compression"]), "EXT_meshopt"),
    "unknown need": ("a.glb", _with("extensionsRequired", ["X_new"]), "needs the extension X_new"),
    "points alone": ("a.ply", ply("ascii").split(b"element face")[0] + b"end_header\n"
                     + b"\n".join(b"%g %g %g" % tuple(p) for p in POINTS), "no triangles"),
    "list of -1": ("a.ply", ply("binary_little_endian").replace(b"list uchar", b"list char")
                   .replace(b"\x03\0\0\0\0", b"\xff\0\0\0\0", 1), "says it has -1 items"),
    "half a facet": ("a.stl", stl()[:-20], "3 of 4 facets"),
    "unknown encoding": ("a.3mf", three_mf(head='<?xml version="1.0" encoding="utf-99"?>'),
                         "utf-99"),
    "unknown encoding of COLLADA": (
        "a.dae", dae().replace(b'version="1.0"', b'version="1.0" encoding="utf-99"'), "utf-99"),
    "unit beyond all bounds": ("a.dae", dae(unit='<unit meter="1e-300"/>'),
                               "unit must be 1e-12 to 1e+12 m, got 1e-300 m"),
    "unknown unit": ("a.3mf", three_mf(unit="furlong"), "got 'furlong'"),
}  # fmt: skip


def inspected(folder: Path, name: str, data: bytes) -> BuiltModel:
    (folder / name).write_bytes(data)
    return ModelLibrary(folder).inspect(name)


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name_with_the_reason(tmp_path: Path, kind: str) -> None:
    name, data, reason = REFUSED[kind]
    with pytest.raises(AssetError) as refused:
        inspected(tmp_path, name, data)

    assert tmp_path / name == refused.value.path
    assert reason in refused.value.reason
    assert "\n" not in refused.value.reason


def _twice(faces: np.ndarray) -> bytes:
    """With two triangles of no area."""
    return _obj(POINTS, np.vstack([faces, [(0, 1, 1), (2, 2, 2)]]))


LOADED: dict[str, tuple[str, bytes, bool, tuple[str, ...]]] = {
    "sound": ("a.obj", _obj(POINTS, FACES), True, ()),
    "degenerate": ("a.obj", _twice(FACES), True, ("2 degenerate",)),
    "inside out": ("a.obj", _obj(POINTS, FACES[:, ::-1]), False, ("inside out",)),
    "half turned": (
        "a.obj",
        _obj(POINTS, np.vstack([FACES[:2], FACES[2:, ::-1]])),
        False,
        ("mixed",),
    ),
    "open": ("a.obj", _obj(POINTS, FACES[:3]), False, ()),
    "bytes behind": ("a.stl", stl() + b"\0" * 9, True, ("9 bytes behind",)),
}


@pytest.mark.parametrize("kind", LOADED)
def test_loads_with_its_size_and_a_word_about_what_is_wrong(tmp_path: Path, kind: str) -> None:
    name, data, is_closed, words = LOADED[kind]
    found = inspected(tmp_path, name, data)

    assert is_closed == found.model.is_closed
    assert len(words) == len(found.warnings), found.warnings
    assert all(word in warning for word, warning in zip(words, found.warnings, strict=True))
    unit_m = found.model.unit_m
    np.testing.assert_allclose(np.ptp(found.model.bounds_m, axis=0), unit_m * np.array([1, 2, 4]))


# The coordinate 7 is the fourth vertex's alone.
TEXTS = {
    "a.obj": obj().replace(b"7.0", b"HUGE"),
    "a.off": off().replace(b"7.0", b"HUGE"),
    "a.ply": ply("ascii").replace(b"7.0", b"HUGE"),
    "a.stl": stl_text().replace(b"7.0", b"HUGE"),
    "a.dae": dae().replace(b"7.0", b"HUGE"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", ["1e12", "1e103", "-1e160", "1.7e308", "1e400", "nan"])
@pytest.mark.parametrize("name", [*TEXTS, "a.3mf"])
def test_numbers_of_any_size_end_in_a_refusal_that_skip_bad_takes(
    tmp_path: Path, name: str, number: str
) -> None:
    if name == "a.3mf":
        (tmp_path / name).write_bytes(three_mf(
            build=f'<item objectid="1" transform="1 0 0 0 1 0 0 0 {number}0 0 0 0"/>'
        ))  # fmt: skip
    else:
        assert TEXTS[name].count(b"HUGE")
        (tmp_path / name).write_bytes(TEXTS[name].replace(b"HUGE", number.encode()))
    (tmp_path / "sound.obj").write_bytes(obj())
    library = ModelLibrary(tmp_path, skip_bad=True)
    library.check_all()

    assert ("sound.obj",) == library.names
    assert [tmp_path / name] == [error.path for error in library.skipped]


def test_normals_and_uvs_beyond_single_precision_are_left_out(tmp_path: Path) -> None:
    text = _obj(POINTS, FACES).decode().replace("f 1 3 2", "vn 1e300 0 1e300\nvt 1e300 0\nf 1 3 2")
    text = "\n".join(
        "f " + " ".join(f"{v}/1/1" for v in line.split()[1:]) if line.startswith("f ") else line
        for line in text.split("\n")
    )
    found = inspected(tmp_path, "a.obj", text.encode())

    assert set(found.warnings) == {
        "UVs that are not finite were left out", "normals that have no direction were replaced",
    }  # fmt: skip
    assert np.isfinite(found.model.primitives[0].normals).all()
