"""``python -m render.run --help``: what it lists is what there is, and its examples run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import render
from render.config.help import EXAMPLES
from render.config.words import config_of
from render.errors import ConfigError
from tests.e2e.cli import ROOT, environment, run_module

CONF = ROOT / "conf"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The page as the command prints it."""
    done = run_module("render.run", "--help", cwd=tmp_path_factory.mktemp("help"))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def listed(lines: list[str]) -> dict[str, dict[str, str]]:
    """Presets of each group with what the page says of them, a star with the name."""
    groups: dict[str, dict[str, str]] = {}
    for line in lines:
        if re.match(r"[a-z]+  ", line):
            presets = groups.setdefault(line.split()[0], {})
        elif match := re.match(r"  (\w+(?: \*)?)(?: +(.+))?$", line):
            presets[match[1]] = match[2]
        elif groups:
            break
    return groups


def test_it_lists_the_presets_of_the_ten_groups_each_with_the_comment_of_its_file(
    lines: list[str],
) -> None:
    usual = {
        group: preset
        for entry in yaml.safe_load((CONF / "config.yaml").read_text())["defaults"]
        if isinstance(entry, dict)
        for group, preset in entry.items()
    }
    folders = sorted(
        folder for folder in os.listdir(CONF) if (CONF / folder / "_base.yaml").is_file()
    )
    found = listed(lines)

    assert found.pop("mixture") == {}, "told once for all groups"
    assert sorted(found) == folders
    assert len(found) == 10
    for group, presets in found.items():
        files = {name[:-5] for name in os.listdir(CONF / group) if not name.startswith("_")}
        assert {name.removesuffix(" *") for name in presets} | {"mixture"} == files
        assert [name for name in presets if name.endswith("*")] == [f"{usual[group]} *"]
        for name, said in presets.items():
            text = (CONF / group / f"{name.removesuffix(' *')}.yaml").read_text()
            assert text.startswith(f"# {said}"), name


def test_it_is_one_page_of_whole_sentences(lines: list[str]) -> None:
    assert len(lines) <= 100
    assert max(map(len, lines)) <= 100
    assert not [line for line in lines if line.endswith("...")]


def test_it_names_every_key_of_the_run_and_the_other_groups(lines: list[str]) -> None:
    text = "\n".join(lines)
    config = yaml.safe_load((CONF / "config.yaml").read_text())

    for key, value in config.items():
        if key in ("defaults", "hydra"):
            continue
        names = [f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key]
        assert all(re.search(rf"\b{re.escape(name)}\b", text) for name in names), key
    for path in (CONF / "writer").glob("*.yaml"):
        assert all(f"output.{key}" in text for key in yaml.safe_load(path.read_text()))
    for group in ("engine", "execution", "experiment", "writer"):
        for name in os.listdir(CONF / group):
            assert name[:-5] in text


def test_presets_of_ones_own_are_listed_too(tmp_path: Path) -> None:
    (tmp_path / "lighting").mkdir()
    (tmp_path / "lighting" / "lamp.yaml").write_text("# My lamp\n# here. It is old.\ncount: 1\n")
    (tmp_path / "lighting" / "bare.yaml").write_text("count: 2\n")
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 1\n")

    done = run_module("render.run", "--help", "--config-dir", str(tmp_path), cwd=tmp_path)

    lighting = listed(done.stdout.splitlines())["lighting"]
    assert lighting["lamp"] == "My lamp here."
    assert "\n  bare\n" in done.stdout
    assert "mine" in done.stdout


def test_it_comes_before_anything_that_draws_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv[1:] = ['-h']; from render.run import main; main(); "
        "print({'hydra', 'cv2', 'trimesh', 'pyarrow', 'render.build'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True,
        text=True, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "set()"


def test_hydras_own_dump_is_where_it_was(tmp_path: Path) -> None:
    done = run_module("render.run", "--cfg", "job", "n_frames=7", cwd=tmp_path)

    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["n_frames"] == 7


def test_there_are_six_examples_and_each_composes(lines: list[str]) -> None:
    shown = [line.strip() for line in lines if line.startswith("  python -m render.run ")]

    assert shown == list(EXAMPLES)
    assert len(shown) == 6
    for example in shown:
        words = shlex.split(example)[3:]
        if words[0] == "-m":  # the first job of the sweep
            words = [word.partition(",")[0] for word in words[1:]]
        render.compose(*words)


@pytest.mark.parametrize("name", ["show", "verify", "coverage", "doctor", "replay"])
def test_the_other_commands_say_alike_what_they_do(name: str, tmp_path: Path) -> None:
    done = run_module(f"render.{name}", "--help", cwd=tmp_path)

    usage, _, rest = done.stdout.partition("\n\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert usage.startswith(f"usage: python -m render.{name} ")
    about, _, rest = rest.partition("\n\n")
    assert re.match(r"[A-Z][^`]+[.?]$", about)
    assert f"\nExamples\n  python -m render.{name}" in rest
    assert max(map(len, done.stdout.splitlines())) <= 100


def run_example(example: str, *further: str, cwd: Path) -> list[Path]:
    """Runs it in a shell, as it is copied; returns the datasets that it made."""
    python, _, rest = example.partition(" ")
    assert python == "python"
    command = f"{shlex.quote(sys.executable)} {rest} {shlex.join(further)}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return sorted(path.parent for path in cwd.rglob("dataset.yaml"))


@pytest.mark.parametrize("example", EXAMPLES[1:3])
def test_examples_run(example: str, tmp_path: Path) -> None:
    (folder,) = run_example(
        example, "n_frames=1", "workers=1", "camera.size_wh=[160,120]", cwd=tmp_path
    )

    assert len(render.open(folder).frames) == 1


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run_as_they_stand(example: str, tmp_path: Path) -> None:
    folders = run_example(example, cwd=tmp_path)

    assert len(folders) == (3 if " -m " in example.removeprefix("python -m") else 1)
    for folder in folders:
        done = run_module("render.verify", str(folder), cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_options_may_stand_between_the_words(tmp_path: Path) -> None:
    (tmp_path / "lighting").mkdir()
    (tmp_path / "lighting" / "lamp.yaml").write_text("defaults: [_base, _self_]\ncount: 5\n")
    done = run_module(
        "render.run", "seed=3", "--config-dir", str(tmp_path), "lighting=lamp", "--cfg", "job",
        cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    config = yaml.safe_load(done.stdout)
    assert (config["seed"], config["lighting"]["count"]) == (3, 5)


def test_a_value_written_as_an_option_is_refused_with_the_right_form(tmp_path: Path) -> None:
    done = run_module("render.run", "--n_frames=3", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("error: --n_frames=3 must be an option that there is, or")


def test_a_preset_named_like_one_of_this_package_is_refused(tmp_path: Path) -> None:
    mine = tmp_path / "lighting" / "studio.yaml"
    mine.parent.mkdir()
    mine.write_text("defaults: [_base, _self_]\ncount: 7\n")
    with pytest.raises(ConfigError, match="must have another name, because lighting=studio is a"):
        config_of(["lighting=studio"], config_dir=tmp_path)

    mine.write_bytes((CONF / "lighting" / "studio.yaml").read_bytes())  # the same means the same
    assert config_of(["lighting=studio"], config_dir=tmp_path)["lighting"]["ambient"]
