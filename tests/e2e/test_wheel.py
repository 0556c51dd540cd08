"""The wheel holds all that an installed copy needs, and nothing of the workshop."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pip would lay a pure wheel into site-packages."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def files_below(folder: Path) -> set[str]:
    """Relative paths of what git would carry: no caches."""
    paths = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(folder).as_posix() for p in paths}


@pytest.mark.parametrize("shared", ["conf", "assets"])
def test_carries_the_shared_folder_as_it_is(names: set[str], shared: str) -> None:
    prefix = f"render/_share/{shared}/"
    carried = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}

    assert carried
    assert files_below(ROOT / shared) == carried


def test_carries_every_file_of_the_package(names: set[str]) -> None:
    carried = {name.removeprefix("render/") for name in names if name.startswith("render/")}

    assert files_below(ROOT / "render") == {n for n in carried if not n.startswith("_share/")}
    assert "py.typed" in carried
    assert [name for name in carried if name.endswith(".glsl")]


def test_carries_nothing_else(names: set[str]) -> None:
    assert {"render"} == {n.partition("/")[0] for n in names if ".dist-info/" not in n}


def test_starter_assets_are_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = [i.file_size for i in archive.infolist() if i.filename.startswith("render/_share")]

    assert sum(sizes) < 15e6


def test_metadata_names_licence_readme_and_dependencies(unpacked: Path) -> None:
    (info,) = unpacked.glob("*.dist-info")
    metadata = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert metadata["License-Expression"] == "MIT"
    assert (info / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Requires-Python"] == project["requires-python"]
    core = {Requirement(r) for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r}
    assert core == {Requirement(r) for r in project["dependencies"]}


def test_installed_copy_finds_its_share_from_any_folder(unpacked: Path, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
        "from render.system.paths import CONF_DIR, find_assets\n"
        "print(CONF_DIR, find_assets('models'))"
    )
    # -I: neither this folder nor the environment's paths come first.
    told = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    share = unpacked / "render" / "_share"

    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == [str(share / "conf"), str(share / "assets" / "models")]


def test_installed_copy_composes_the_whole_config(unpacked: Path, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r}); sys.argv = ['run', '--cfg', 'job']\n"
        "from render.run import main\n"
        "main()"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )

    assert told.returncode == 0, told.stderr
    assert "n_frames: 100" in told.stdout
