"""Which unit a file without one was made in: what is said, and what is never said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from render.geometry.circles import circle_diameters
from render.library.diagnose import diagnose
from render.library.models import ModelLibrary

CREATE = trimesh.creation
IN = 25.4


def put(folder: Path, name: str, mesh: trimesh.Trimesh) -> None:
    mesh.export(folder / name)


def warnings_of(folder: Path) -> dict[str, tuple[str, ...]]:
    return {r.name: r.warnings for r in diagnose(ModelLibrary(folder))}


def plate(sides: tuple[float, float, float], hole: float) -> trimesh.Trimesh:
    """A plate with a pin of the diameter of a hole, off its middle."""
    pin = CREATE.cylinder(hole / 2, sides[2], sections=48)
    pin.apply_translation((sides[0] / 5, sides[1] / 7, sides[2]))
    return trimesh.util.concatenate([CREATE.box(sides), pin])


def told_unit(warning: str) -> str | None:
    return warning.split("`unit: ")[1].split("`")[0] if "`unit: " in warning else None


@pytest.mark.parametrize(
    ("name", "sides", "hole", "expected"),
    [
        ("inches.stl", (1.3125, 0.6875, 0.1875), 0.4375, "in"),
        ("inches.ply", (4.8125, 2.6875, 0.1875), 0.4375, "in"),
        ("metric_in_inches.stl", (34 / IN, 21.5 / IN, 8 / IN), 6.4 / IN, "in"),
        ("inches_in_metres.stl", (0.2286, 0.1651, 0.015875), 0.0381, "m"),
        ("metres.stl", (0.047, 0.044, 0.014), 0.0024, "m"),
        ("millimetres.obj", (47.0, 44.0, 14.0), 3.2, None),  # mm, cm, inches: who knows
        ("plain_numbers.stl", (3.0, 2.0, 1.0), 0.5, None),
        ("odd_numbers.stl", (2.71828, 1.41421, 0.57722), 0.31831, None),
    ],
)  # fmt: skip
def test_the_sizes_are_told_and_a_unit_where_the_evidence_is_clear(
    name: str,
    sides: tuple[float, float, float],
    hole: float,
    expected: str | None,
    tmp_path: Path,
) -> None:
    put(tmp_path, name, plate(sides, hole))
    (told,) = warnings_of(tmp_path)[name]

    assert expected == told_unit(told)
    extent = max(sides[0], sides[1])
    for unit, metres in (("m", 1.0), ("in", 0.0254), ("cm", 0.01), ("mm", 0.001)):
        size = extent * metres
        text = f"{size:.4g} m" if size >= 1 else f"{1e3 * size:.4g} mm"
        assert f"as {unit} {text}" in told or f"it is {text} long by its unit" in told


@pytest.mark.parametrize(("per_unit", "expected"), [(IN, "in"), (1000.0, "m")])
def test_holes_alone_tell_the_unit_where_the_sides_are_odd(
    per_unit: float, expected: str, tmp_path: Path
) -> None:
    diameters_mm = (6.4, 8.7, 11.3)  # of a plate whose sides are round in no unit
    pins = [CREATE.cylinder(d / 2, 3.0, sections=48) for d in diameters_mm]
    for place, pin in enumerate(pins):
        pin.apply_translation((13.0 * place - 13.0, 0.0, 0.0))
    mesh = trimesh.util.concatenate([CREATE.box((71.8283, 41.4213, 5.77216)), *pins])
    put(tmp_path, "a.stl", mesh.apply_scale(1.0 / per_unit))
    (told,) = warnings_of(tmp_path)["a.stl"]

    assert expected == told_unit(told)


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("die.stl", (16.0, 16.0, 16.0)),
        ("die.ply", (0.016, 0.016, 0.016)),
        ("inch_part.stl", (8 * IN, 12 * IN, IN / 2)),
        ("small_in_mm.stl", (3.175, 4.7625, 1.5875)),  # fractions of an inch in millimetres
    ],
)
def test_a_right_size_gets_no_word(
    name: str, sides: tuple[float, float, float], tmp_path: Path
) -> None:
    put(tmp_path, name, CREATE.box(sides))

    assert () == warnings_of(tmp_path)[name]


def test_a_file_of_the_same_name_with_a_unit_decides(tmp_path: Path) -> None:
    box = CREATE.box((3.0, 2.0, 1.0))
    put(tmp_path, "a.stl", box)  # by its numbers nobody could tell
    put(tmp_path, "A.glb", box.copy().apply_scale(0.01))
    put(tmp_path, "b.stl", CREATE.box((3.0, 2.0, 1.5)))
    put(tmp_path, "b.glb", CREATE.box((0.003, 0.002, 0.0015)))  # the default is right
    put(tmp_path, "c.stl", CREATE.box((3.0, 2.0, 1.2)))
    put(tmp_path, "c.glb", CREATE.box((0.03, 0.04, 0.05)))  # another part
    told = warnings_of(tmp_path)

    assert "A.glb is 30 mm long, say `unit: cm`" in told["a.stl"][0]
    assert () == told["b.stl"]
    assert "where one of these is right" in told["c.stl"][0]


def test_neighbours_of_sure_size_are_believed(tmp_path: Path) -> None:
    put(tmp_path, "chip.stl", CREATE.box((3.0, 2.0, 1.0)))
    put(tmp_path, "cabinet.obj", CREATE.box((2.0, 0.7, 0.5)))
    assert () == warnings_of(tmp_path)["cabinet.obj"]
    assert 1 == len(warnings_of(tmp_path)["chip.stl"])

    for i, size in enumerate((0.002, 0.004, 0.005)):
        put(tmp_path, f"{i}.glb", CREATE.box((size, size / 2, size / 3)))
    told = warnings_of(tmp_path)
    assert () == told["chip.stl"]
    assert "it is 2 m long by its unit (default for OBJ (m)); as mm 2 mm" in told["cabinet.obj"][0]


def test_circles_of_holes_and_shafts_have_their_diameters() -> None:
    tube = CREATE.annulus(r_min=1.5, r_max=4.0, height=2.0, sections=32)
    turned = tube.apply_transform(trimesh.transformations.rotation_matrix(1.0, (1, 2, 3)))
    found = circle_diameters(np.asarray(turned.vertices), np.asarray(turned.faces))

    np.testing.assert_allclose([3.0, 3.0, 8.0, 8.0], found, rtol=1e-9)


def test_a_box_and_a_hexagon_have_no_circles() -> None:
    for mesh in (CREATE.box((1, 2, 3)), CREATE.cylinder(1.0, 2.0, sections=6)):
        assert not len(circle_diameters(np.asarray(mesh.vertices), np.asarray(mesh.faces)))
