"""Bad command lines and files: one paragraph that teaches, exit code 1, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException

from render.config.hydra_errors import message_of
from render.system.paths import CONF_DIR
from render.writers.chosen import unknown_key
from tests.e2e.cli import run_module


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("n_frame", "did you mean n_frames?"),
        ("size_frac", "did you mean scale.size_frac?"),
        ("light.temperature_k", "did you mean lighting.temperature_k?"),
        ("azimuth_deg", "did you mean viewpoint.azimuth_deg or lighting.azimuth_deg?"),
        ("viewpoint.elevation", "did you mean viewpoint.elevation_deg?"),
        ("viewpoint.tilt", "there are viewpoint.azimuth_deg, viewpoint.elevation_deg,"),
        ("output.id", "did you mean output.ids?"),
        ("output.masks", "it is called output.ids now"),
        ("lights", "did you mean lighting?"),
        ("gibberish", "there are output_dir, n_frames,"),
        ("engine.colour", "engine.colour must be a key of the config, and there is no such key"),
    ],
)
def test_unknown_keys_are_met_with_what_was_meant(key: str, message: str) -> None:
    text = unknown_key(key)

    assert text.startswith(f"{key} must be a key of the config")
    assert message in text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["gibberish=3"], "gibberish must be a key of the config; there are output_dir,"),
        (["viewpoint.tilt=3"], "viewpoint.tilt must be a key of the config"),
        (["n_frames.x=3"], "n_frames.x must be a key of the config"),
        (["lighting=stduio"], "got stduio; did you mean studio?"),
        (
            ["lighting=candle"],
            "lighting must be one of environment, fixed, mixture, points, studio, sun, got",
        ),
        (["experiment=mine"], "experiment must be one of example_"),
        (["scale.size_frac=[uniform,0.1"], "with every bracket closed"),
        (["scale.size_frac"], "must be written key=value"),
        (["scale.size_px=[choice,{null:1,100:3}]"], "[choice,null,100,100]"),
        (["lighting=studio,sun"], "To sweep over it, add --multirun"),
        (["+lighting=sun"], "Multiple values for lighting"),
    ],
)
def test_what_hydra_refuses_is_told_in_one_paragraph(overrides: list[str], message: str) -> None:
    with (
        initialize_config_dir(str(CONF_DIR), version_base="1.3"),
        pytest.raises(HydraException) as caught,
    ):
        compose("config", overrides=overrides)

    text = message_of(caught.value)
    assert message in text
    assert "\n" not in text
    assert "Traceback" not in text


def test_files_that_cannot_be_read_are_told_in_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("scale: [uniform, 0.1\n")
    with (
        initialize_config_dir(str(CONF_DIR), version_base="1.3"),
        pytest.raises((HydraException, yaml.YAMLError)) as caught,
    ):
        compose("config", [f"hydra.searchpath=[file://{tmp_path}]", "+experiment=mine"])

    text = message_of(caught.value)
    assert "mine.yaml" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["viewpoint.tilt=3"], "error: viewpoint.tilt must be a key of the config"),
        (["lighting=candle"], "error: lighting must be one of"),
        (["scale.size_frac=[uniform,0.5"], "error: the override scale.size_frac=[uniform,0.5 must"),
        (["scale.size_frac=${nope}"], "error: the config cannot be resolved"),
        (["+foo=3"], "error: foo must be a key of the config"),
        (["n_frames=0"], "error: n_frames must be a whole number from 1"),
        (["scale.size_frac=[uniform,0.5,0.1]"], "error: scale.size_frac must have lo <= hi"),
        (["-m", "lighting=studio,candle"], "error: lighting must be one of"),
    ],
)
def test_the_command_says_it_and_leaves_nothing(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = run_module("render.run", *arguments, "output_dir=data", cwd=tmp_path)

    assert done.returncode == 1
    assert message in done.stderr
    assert [line for line in done.stderr.splitlines() if line] == [done.stderr.strip()]
    assert not list(tmp_path.rglob("*.jpg"))
    assert not (tmp_path / "data").exists()


def test_tracebacks_are_shown_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    done = run_module("render.run", "lighting=candle", cwd=tmp_path)

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("error: lighting must be one of")
