"""The sheet of a model: what a user gets, and whether its rulers tell the truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from render.engine.pyrender.engine import PyrenderEngine
from render.library.models import ModelLibrary
from render.report.canvas import Canvas
from render.report.lengths import length_text, size_text, unit_text
from render.report.show_marks import AXIS_COLORS, axes_origin_m, draw_axes, draw_ruler, round_step
from render.report.show_views import VIEWS, Studio
from render.sensor.tone import display_of_radiance
from render.show import main
from tests.e2e.cli import run_module

SIDE = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts of every size, one without thickness, one far from its origin."""
    folder = tmp_path_factory.mktemp("models")
    trimesh.creation.cylinder(0.002, 0.005).export(folder / "screw.ply")
    trimesh.creation.box((3.0, 4.0, 12.0)).export(folder / "beam.obj")
    corners = [[0, 0, 0], [30, 0, 0], [30, 20, 0], [0, 20, 0]]
    trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]]).export(folder / "plate.stl")
    far = trimesh.creation.box((30.0, 20.0, 10.0))
    far.apply_translation([1e6, -2e6, 3e6])
    far.export(folder / "far.stl")
    (folder / "torn.stl").write_text("solid nothing\nendsolid\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["screw", "beam", "plate.stl", "far"])
def test_sheet_shows_the_model_in_every_view(
    folder: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "sheet.png"
    main([name, "--models-dir", str(folder), "-o", str(out)])

    assert f"written: {out}" in capsys.readouterr().out
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape[1] == 1600
    red, green, blue = (
        (np.abs(picture.astype(int) - color[::-1]).max(axis=2) < 12) for color in AXIS_COLORS
    )
    for axis in (red, green, blue):
        assert axis.sum() > 300


def test_path_of_a_file_and_default_name(folder: Path, tmp_path: Path) -> None:
    done = run_module("render.show", str(folder / "screw.ply"), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "screw.ply: 4 x 4 x 5 mm, " in done.stdout
    assert (tmp_path / "screw_show.png").is_file()


def test_sheet_is_drawn_by_the_engine_that_the_words_name(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mitsuba", reason="pip install '.[mitsuba]'")
    sheets = []
    for name, words in (("raster", []), ("traced", ["engine=mitsuba", "engine.samples=1"])):
        out = tmp_path / f"{name}.png"
        main(["beam", "--models-dir", str(folder), *words, "-o", str(out)])
        sheets.append(cv2.imread(str(out)).astype(float))
    raster, traced = sheets

    # One path a pixel is noise, on the model alone; marks and paper are the same.
    differ = (raster != traced).any(axis=2)
    assert 0.02 < differ.mean() < 0.3
    assert np.abs(raster - traced).mean() < 4.0


@pytest.mark.parametrize(
    ("model", "out", "message"),
    [
        ("torn", "a.png", "torn.stl: "),
        ("nothing", "a.png", "models must match at least one file"),
        ("*", "a.png", "MODEL must name one model, got '*'"),
        ("screw", "a.gif", "--out must end in .png or .jpg, got a.gif"),
        ("screw", "/proc/no/a.png", "--out must be writable, got /proc/no/a.png"),
    ],
)
def test_bad_call_is_one_line(
    folder: Path,
    model: str,
    out: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([model, "--models-dir", str(folder), "-o", out])

    told = str(stopped.value.code)
    assert told.startswith("error: ")
    assert message in told
    assert "\n" not in told
    assert list(tmp_path.iterdir()) == []


def test_rulers_measure_what_is_drawn(folder: Path) -> None:
    """Ends of the rulers, as pixels of ink, against the pixels of the model."""
    library = ModelLibrary(folder, include=["screw", "beam", "far"])
    middle = (SIDE - 1) / 2
    with PyrenderEngine() as engine:
        for name in library.names:
            studio = Studio(library.load(name), side_px=SIDE)
            for view in (v for v in VIEWS if v.is_flat):
                scene = studio.scene(view, (middle, middle))
                rows, columns = np.nonzero(engine.render(scene).instance_idx == 0)
                lengths = []
                for axis in {0, 1, 2} - {"XYZ".index(studio.axis_towards_eye(view)[1])}:
                    canvas = Canvas(np.full((SIDE, SIDE, 3), 255, np.uint8))
                    draw_ruler(canvas, studio, scene.camera, axis=axis)
                    ink = np.nonzero((canvas.rgb < 128).all(axis=2))
                    along = columns if np.ptp(ink[1]) > np.ptp(ink[0]) else rows
                    on_ruler = ink[1] if along is columns else ink[0]
                    # The model's near side is half a percent larger than its middle.
                    assert abs(on_ruler.min() - along.min()) <= 1.5
                    assert abs(on_ruler.max() - along.max()) <= 1.5
                    lengths.append(along is columns)
                assert sorted(lengths) == [False, True]


def test_flat_views_name_the_axis_of_the_file(folder: Path) -> None:
    z_up = Studio(ModelLibrary(folder, include=["screw"]).load("screw.ply"), side_px=SIDE)
    y_up = Studio(ModelLibrary(folder, include=["beam"]).load("beam.obj"), side_px=SIDE)
    flat = [view for view in VIEWS if view.is_flat]

    names = [view.name for view in flat]
    assert names == ["front", "right", "top", "back", "left", "bottom"]
    assert [z_up.axis_towards_eye(v) for v in flat] == ["-Y", "+X", "+Z", "+Y", "-X", "-Z"]
    assert [y_up.axis_towards_eye(v) for v in flat] == ["+Z", "+X", "+Y", "-Z", "-X", "-Y"]


def test_axis_is_pale_behind_the_model_and_bright_before_it(folder: Path) -> None:
    """The beam's origin lies inside: its Y axis (up) is hidden until it leaves the box."""
    studio = Studio(ModelLibrary(folder, include=["beam"]).load("beam.obj"), side_px=SIDE)
    middle = (SIDE - 1) / 2
    front = next(view for view in VIEWS if view.name == "front")
    with PyrenderEngine() as engine:
        scene = studio.scene(front, (middle, middle))
        buffers = engine.render(scene)
    canvas = Canvas(display_of_radiance(buffers.radiance, "linear"))
    draw_axes(canvas, studio, scene.camera, buffers)
    column = canvas.rgb[:, round(middle)].astype(int)
    bright = np.abs(column - AXIS_COLORS[1]).max(axis=1) < 30
    inside = buffers.instance_idx[:, round(middle)] == 0

    assert bright[~inside].any()
    assert not bright[inside][3:-3].any()


def test_origin_far_away_is_replaced_by_the_lowest_corner(folder: Path) -> None:
    far = ModelLibrary(folder, include=["far"]).load("far.stl")
    near = ModelLibrary(folder, include=["plate"]).load("plate.stl")

    origin, is_origin = axes_origin_m(far)
    assert not is_origin
    np.testing.assert_array_equal(origin, far.bounds_m[0])
    assert axes_origin_m(near)[1]


@pytest.mark.parametrize("extent_m", [3e-6, 0.0057, 0.0999, 0.1, 0.4, 0.5, 12.0, 999.0])
def test_ticks_are_round_and_few(extent_m: float) -> None:
    step = round_step(extent_m)
    digits = f"{step:e}"

    assert digits[0] in "125"
    assert float(digits[:8]) in (1.0, 2.0, 5.0)
    assert 4 - 1e-6 <= extent_m / step <= 10 + 1e-6


def test_lengths_for_people() -> None:
    told = [length_text(v) for v in (0.0, 4.7e-5, 0.001, 0.0235, 0.99996, 1.0, 12.0, 1e4, 1e6)]

    assert told == [
        "0 um", "47 um", "1 mm", "23.5 mm", "1 m", "1 m", "12 m", "10 km", "1000 km",
    ]  # fmt: skip
    assert size_text((0.06, 0.05, 0.0040001)) == "60 x 50 x 4 mm"
    assert [unit_text(v) for v in (1e-3, 0.0254, 1.0, 0.5)] == ["mm", "in", "m", "0.5 m"]
