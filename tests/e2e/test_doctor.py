"""The doctor as a user runs it: on this machine, on a broken one, on good and bad models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trimesh

from tests.e2e.cli import ROOT, environment, run_module


def doctor(folder: Path, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Runs it on a models folder, in a changed environment."""
    return subprocess.run(
        [sys.executable, "-m", "render.doctor", str(folder), *words],
        cwd=folder,
        env=environment() | changes,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain part, its mirror image in inches, and a bolt in the wrong unit."""
    folder = tmp_path_factory.mktemp("models")
    wedge = trimesh.Trimesh(
        [[0, 0, 0], [0.05, 0, 0], [0, 0.03, 0], [0, 0, 0.02]],
        [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
    )
    wedge.export(folder / "wedge.ply")
    mirrored = wedge.copy()
    mirrored.apply_scale([-1, 1, 1])
    mirrored.export(folder / "wedge_left.ply")
    (folder / "fasteners").mkdir()
    bolt = trimesh.creation.cylinder(2.0, 12.0)
    bolt.export(folder / "fasteners" / "m4_bolt_from_a_supplier.obj")
    return folder


def test_good_machine_and_suspicious_models(parts: Path) -> None:
    done = doctor(parts)

    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert told.count("<- a run uses this") == 1
    rows = {line.split()[0]: line for line in told.splitlines() if line.startswith("  wedge")}
    assert " wedge 50 x 30 x 20 mm 0.05 m " in " ".join(rows["wedge.ply"].split())
    assert "default for PLY (m)" in rows["wedge.ply"]
    assert "fasteners/m4_bolt_from_a_supplier.obj" in told
    assert "4 x 4 x 12 m" in told
    assert "as mm 12 mm, as in 304.8 mm, as cm 120 mm" in " ".join(told.split())
    assert "the mirror image of wedge.ply" in told
    last = told.splitlines()[-1]
    assert last.startswith("ready: 3 models, look at the warnings of 2; a run draws with ")
    assert max(map(len, told.splitlines())) <= 100


def test_long_categories_are_told_whole(parts: Path, tmp_path: Path) -> None:
    for folder in ("hexagon_socket_screws", "a_category_with_a_very_long_name"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.ply").write_bytes((parts / "wedge.ply").read_bytes())
    told = doctor(tmp_path).stdout

    assert "  hexagon_socket_screws  " in told
    assert "  a_category_with_a_very_long_name\n" in told


def test_what_it_chooses_is_what_a_run_records(tmp_path: Path) -> None:
    code = (
        "from render.engine.pyrender.engine import PyrenderEngine as E\n"
        "info = E().info\n"
        "print(info.platform, info.device, info.renderer, sep='|')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    platform, device, renderer = run.stdout.strip().split("|")
    trimesh.creation.box((0.1, 0.1, 0.1)).export(tmp_path / "box.ply")
    (line,) = [
        x
        for x in doctor(tmp_path, "engine=pyrender").stdout.splitlines()
        if "<- a run uses this" in x
    ]

    assert line.split()[:2] == [platform, device]
    assert renderer in line


ENGINE = """
from render.engine.base import AbstractEngine, DeviceInfo
from render.errors import EngineError


class Drawer(AbstractEngine):
    def __init__(self, pens):
        if pens < 1:
            raise EngineError(f"a drawer needs a pen, got {pens}")

    info = DeviceInfo(
        platform="paper", device="a4", vendor="Desk", renderer="Pencil", version="HB", is_gpu=False
    )
    render = silhouettes = close = lambda self, *args, **options: None
"""


def test_it_tries_the_engine_that_the_words_name(tmp_path: Path) -> None:
    trimesh.creation.box((0.1, 0.1, 0.1)).export(tmp_path / "box.ply")
    (tmp_path / "drawer.py").write_text(ENGINE, encoding="utf-8")
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    presets = tmp_path / "conf" / "engine"
    presets.mkdir(parents=True)
    (presets / "drawer.yaml").write_text("_target_: drawer.Drawer\npens: 1\n", encoding="utf-8")
    words = ("plugins=[drawer]", "-cd", str(tmp_path / "conf"), "engine=drawer")
    ready = doctor(tmp_path, *words, PYTHONPATH=path)
    broken = doctor(tmp_path, *words, "engine.pens=0", PYTHONPATH=path)

    assert "paper  a4" in ready.stdout, ready.stderr
    assert "software: Pencil  <- a run uses this" in ready.stdout
    assert ready.stdout.endswith("ready: 1 model; a run draws with software, paper a4\n")
    assert "llvmpipe" not in ready.stdout
    assert (broken.returncode, broken.stderr.strip()) == (
        1, "not ready: a drawer needs a pen, got 0",
    )  # fmt: skip


def test_device_that_is_not_there_is_told_among_those_that_are(parts: Path) -> None:
    done = doctor(parts, "engine.device=99")

    assert done.returncode == 1
    assert "<- a run uses this" not in done.stdout
    assert "engine.device must be one of auto, " in done.stdout
    assert done.stderr.strip().startswith("not ready: engine.device must be one of auto, ")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "engine=pyrendr",
            "error: engine must be one of auto, cpu, cuda, mitsuba, pyrender, got pyrendr",
        ),
        ("n_frames=some", "error: n_frames must be"),
        ("+viewpoint.azimut=1", "error: viewpoint.azimut must be a leaf of viewpoint"),
    ],
)
def test_word_that_a_run_would_refuse_is_refused(parts: Path, word: str, message: str) -> None:
    done = doctor(parts, word)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_refused_model_is_named_with_its_reason(parts: Path, tmp_path: Path) -> None:
    for path in parts.glob("*.ply"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "torn.stl").write_text("solid nothing\nendsolid\n", encoding="utf-8")
    done = doctor(tmp_path)

    assert done.returncode == 1
    assert "  torn.stl\n      REFUSED: " in done.stdout
    assert "not ready: refused: torn.stl" in done.stderr
    assert "Traceback" not in done.stderr


def test_machine_without_gl_is_told_what_to_install(parts: Path, tmp_path: Path) -> None:
    # The loader finds these empty files before the real libraries, and cannot use them.
    for name in ("libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"):
        (tmp_path / name).touch()
    done = doctor(parts, "engine=pyrender", LD_LIBRARY_PATH=str(tmp_path))
    cpu = doctor(parts, LD_LIBRARY_PATH=str(tmp_path))

    assert done.returncode == 1
    assert done.stdout.count("apt-get install libegl1") == 1
    assert "fails: libEGL.so.1 cannot be loaded" in done.stdout
    assert "wedge.ply" in done.stdout, "models are looked at all the same"
    assert done.stderr.strip() == "not ready: no OpenGL platform works"
    assert cpu.returncode == 0, "the CPU needs no GL"


@pytest.mark.parametrize(
    ("argument", "message"),
    [("nowhere", "error: assets.models_dir must be a folder"), (".", "there is no model file")],
)
def test_folder_without_models(argument: str, message: str, tmp_path: Path) -> None:
    done = run_module("render.doctor", argument, cwd=tmp_path)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_starter_models_are_ready() -> None:
    done = doctor(ROOT / "assets" / "models")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "!" not in done.stdout
    assert os.linesep + "ready: " in done.stdout
