"""Bad command lines and files: one paragraph that teaches, exit code 1, nothing left behind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from render.build import build
from render.config.quoting import readable
from render.config.run_config import RunConfig
from render.config.words import config_of
from render.errors import ConfigError
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
        ("modles_dir", "did you mean assets.models_dir?"),
        ("size_frc", "did you mean scale.size_frac?"),
        ("asset.modles_dir", "did you mean assets.models_dir?"),
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
        (["+gibberish=3"], "gibberish must be a key of the config; there are output_dir,"),
        (["viewpoint.tilt=3"], "viewpoint.tilt must be a key of the config"),
        (["n_frames.x=3"], "n_frames.x must be a key of the config; did you mean n_frames?"),
        (["~gibberish"], "gibberish must be a key of the config"),
        (["lighting=stduio"], "got stduio; did you mean studio?"),
        (
            ["lighting=candle"],
            "lighting must be one of environment, fixed, mixture, points, studio, sun, got",
        ),
        (
            ["objects=3"],
            "objects must be one of bin, conveyor, grid, mixture, pile, poses, scatter,",
        ),
        (["objects=null"], "tray, got null"),
        (["scale=[uniform,null,1]"], "scale must be one of distance, fixed, fraction, mixture, w"),
        (["experiment=mine"], "experiment must be one of example_"),
        (["=3"], "a word must be KEY=VALUE, such as n_frames=10"),
        (["größe=3"], "a word must be KEY=VALUE, such as n_frames=10"),
        (["models=a\udcff"], "a word must be UTF-8 text, got 'models=a\\udcff'"),
        (["n_frames==3"], "n_frames must be a whole number from 1 to 99999999, got '=3'"),
        (["scale.size_frac=[uniform,0.1"], "with every bracket closed"),
        (["scale.size_frac"], "scale.size_frac must have a value, got none"),
        (["scale.size_px=[choice,{null:1,100:3}]"], "[choice,null,100,100]"),
        (["objects.model=[choice,{螺栓:1}]"], "or write the weights in an experiment file"),
        (["lighting=studio,sun"], "lighting must be one preset, got studio,sun: add -m to run"),
        (
            ["models=bolt,nut"],
            "models must be one value, got bolt,nut: write 'models=[bolt,nut]' for a list, "
            "'models=\"bolt,nut\"' for one name, or add -m",
        ),
        (
            ["output_dir=a b/c=d,e=f"],
            'output_dir must be one value, got a b/c=d,e=f: write \'output_dir=["a b/c=d","e=f"]\' '
            "for a list, 'output_dir=\"a b/c=d,e=f\"' for one name",
        ),
        (["seed=choice(1,2)"], "seed must be one value, got choice(1,2): add -m to run one job"),
        (["+lighting=sun"], "lighting must be chosen once, and is chosen already: write lighting="),
        (["++lighting=sun"], "lighting must be chosen without pluses, got ++lighting=sun: write "),
        (["+seed=3"], "seed must be set without a plus, because the config has it, got +seed=3"),
        (["writer=voc"], "writer must be added with a plus, because no run has it of itself: wri"),
        (["lighting@x=sun"], "lighting@x must be a group of the config; did you mean lighting?"),
        (["hydra.job.chdir=x"], "hydra.job.chdir must be a value of its form, got x: Value 'x' is"),
        (["seed=${nope}"], "seed must be a value that can be worked out: Interpolation key 'nope'"),
        (["models=???"], "models must be set, got ???"),
        (["models=[123]"], "needs quotes of its own, 'models=[\"NAME\"]'"),
        (["models=[[x]]"], "needs quotes of its own, 'models=[\"NAME\"]'"),
        (["models=[null]"], "needs quotes of its own, 'models=[\"NAME\"]'"),
        (["output_dir=2024_10"], "needs quotes of its own, 'output_dir=\"NAME\"'"),
    ],
)
def test_what_hydra_refuses_is_told_in_one_paragraph(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig.of(config_of(overrides))

    text = str(caught.value)
    assert message in text
    assert "\n" not in text
    assert " must " in text


# Words that Hydra's own grammar refuses, and what they mean.
ODD_WORDS = {
    "assets.models_dir=模型": "模型",
    "assets.models_dir=Teile (neu)": "Teile (neu)",
    "assets.models_dir=a=b": "a=b",
    "output_dir=out/run=3": "out/run=3",
    "output_dir=~/R&D #3": "~/R&D #3",
    "output_dir=größe\\": "größe\\",
    'output_dir=7" <pipe>': '7" <pipe>',
    "models=[螺栓]": ["螺栓"],
    "models=[bolt (1)]": ["bolt (1)"],
    "models=[M3=0.5]": ["M3=0.5"],
    "models=[nut, bolt (1, 2),[x]]": ["nut", "bolt (1, 2)", ["x"]],
    "models=[it's,'b c',x[1]]": ["it's", "b c", "x[1]"],
    "poses.models=[{obj_id:1,model:螺栓 (1)}]": [{"obj_id": 1, "model": "螺栓 (1)"}],
    "output_dir=${seed}/模型": "0/模型",
}


@pytest.mark.parametrize("word", ODD_WORDS)
def test_words_of_other_alphabets_and_signs_mean_themselves(word: str) -> None:
    value: Any = config_of([word])
    for key in word.partition("=")[0].split("."):
        value = value[key]

    assert value == ODD_WORDS[word]


@pytest.mark.parametrize(
    "word", ["models=[a,b]", "n_frames=3", "~seed", "lighting=a,b", "seed=choice(1,2)", "x='a b'"]
)
def test_words_that_can_be_read_stay_as_they_are(word: str) -> None:
    assert readable(word) == word


@pytest.mark.parametrize("word", ["models=[{a]", "output_dir=[neu"])
def test_the_quotes_of_a_hint_work(word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        readable(word)

    (hinted,) = re.findall("as one name it is '(.*)'", str(caught.value))
    key, _, value = word.partition("=")
    assert config_of([hinted])[key] == value


# A file of a user, and what must be said of it.
FILES = {
    "n_frames: 3\n": "experiment/mine.yaml must begin with the line `# @package _global_`",
    "": "experiment/mine.yaml must begin with the line `# @package _global_`",
    "\ufeff# @package _global_\n": "@package _global_`, with no byte order mark before it, because",
    "# @package _global_\nn_frame: 3\n": "n_frame must be a key of the config; did you mean n_fra",
    "# @package _global_\nlabels: {min_pxx: 3}\n": "did you mean labels.min_px?",
    "# @package _global_\nseed: 3\nseed: 4\n": "the key 'seed' stands twice in a mapping in line 2",
    "# @package _global_\nscale: [uniform, 0.1\n": "of plain values: expected ','",
    "# @package _global_\nseed:\t3\n\tx: 3\n": "mine.yaml must be YAML of plain values: found",
    "# @package _global_\nseed: ${n_framess}\n": "seed must be a value that can be worked out",
    "# @package _global_\ndefaults: {lighting: sun}\n": "must be a list such as [_base, _self_]",
    "# @package _global_\ndefaults: [3]\n": "`- override /lighting: sun`, got 3",
    "# @package _global_\ndefaults: [lighting: sun]\n": "write `- override /lighting: sun`",
    "# @package _global_\ndefaults: [override /lihgting: sun]\n": "lihgting; did you mean lighting",
    "# @package _global_\ndefaults: [override /lighting: snu]\n": "got snu; did you mean sun?",
    "# @package _global_\n3\n": "mine.yaml must hold keys with values, such as n_frames: 10",
    "# @package _global_\n- seed: 3\n": "mine.yaml must hold keys with values",
    "# @package _global_\ndefaults: [mine]\n": "defaults must not lead back to the file",
}


@pytest.mark.parametrize("text", FILES)
def test_a_file_that_cannot_be_used_is_told_in_one_paragraph(text: str, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        RunConfig.of(config_of(["experiment=mine"], config_dir=tmp_path))

    assert FILES[text] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lighting.kind=ring", "area, directional, point, spot, got ring; one of your own needs"),
        ("output.formats=[voc]", "webdataset, yolo, got 'voc'; one of your own needs its package"),
        ("scale.size_frac=[triangular,1,2]", "got [triangular, 1, 2]; one of your own needs its"),
        ("+sensor.steps.dust={}", "must be one of none, got 'dust'; one of your own needs its"),
        ("lighting=odd", "lighting.temprature_k must be a leaf of lighting; did you mean temperat"),
        ("+lighting.temprature_k=3", "lighting.temprature_k must be a leaf of lighting; did you"),
        ("models=[flnge]", "got 'flnge'; did you mean flange.step?"),
        ("scale.size_frac=uniform(0.1,0.3)", "must be a finite number, got uniform(0.1,0.3)"),
    ],
)
def test_names_that_there_are_not_are_told_with_what_to_do(
    word: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "lighting").mkdir()
    (tmp_path / "lighting" / "odd.yaml").write_text("defaults: [_base]\ntemprature_k: 3\n")
    config = config_of([word], config_dir=tmp_path)

    with pytest.raises(ConfigError) as caught:
        build(config, check_assets=False)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["viewpoint.tilt=3"], "error: viewpoint.tilt must be a key of the config"),
        (["lighting=candle"], "error: lighting must be one of"),
        (["scale.size_frac=[uniform,0.5"], "error: scale.size_frac must be a value that"),
        (["scale.size_frac=${nope}"], "error: scale.size_frac must be a value that"),
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
    assert not list(tmp_path.iterdir())


def test_tracebacks_are_shown_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    done = run_module("render.run", "lighting=candle", cwd=tmp_path)

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("error: lighting must be one of")
