"""Distribution, sensor step, engine and executor of docs/extending.md as they stand there."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

import render
from render.config.trust import import_plugins
from render.coverage import main as coverage
from render.errors import ConfigError, DatasetError, EngineError, RenderError
from render.replay import main as replay
from render.sampling.distribution import DISTRIBUTIONS
from render.sampling.steps import STAGES, STEPS
from render.sensor.develop import develop
from render.sensor.optics import expose
from render.verify import main as verify
from tests.conftest import ROOT
from tests.e2e.cli import run_module

SMALL = ("camera.size_wh=[96,72]", "models=[die,nut]", "workers=1", "n_frames=2")


def section(title: str) -> dict[str, str]:
    """The python and yaml blocks of a section of the page."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    text = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"```(python|yaml)\n(.*?)```", text, flags=re.DOTALL))


FILES = {
    "triangular.py": ("A distribution", "python"),
    "hot_pixels.py": ("A sensor step", "python"),
    "conf/experiment/old_camera.yaml": ("A sensor step", "yaml"),
    "dusk_engine.py": ("An engine", "python"),
    "conf/engine/dusk.yaml": ("An engine", "yaml"),
    "backwards.py": ("An executor", "python"),
    "conf/execution/backwards.yaml": ("An executor", "yaml"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files of the page, in which Python stands; forgotten afterwards."""
    for name, (title, language) in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(section(title)[language])
    for registry in (DISTRIBUTIONS, STEPS):
        assert len(registry) >= 0  # reads those of the package now
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def plan_of(*words: str) -> Any:
    return render.compose(*SMALL, *words, config_dir="conf")


@pytest.mark.parametrize("sampling", ["random", "sobol", "lhs", "stratified"])
def test_the_distribution_of_the_page_is_drawn_under_every_sequence(
    folder: Path, sampling: str
) -> None:
    plan = plan_of(
        "plugins=[triangular]", "scale.size_frac=[triangular,0.1,0.2,0.5]", f"sampling={sampling}"
    )
    drawn = [plan.space.draw(i).scale.size_frac for i in range(400)]

    expected = stats.triang(0.25, 0.1, 0.4)
    assert stats.kstest(drawn, expected.cdf).pvalue > 1e-3


def test_the_distribution_of_the_page_is_refused_where_a_value_is_wrong(folder: Path) -> None:
    rule = r"must have numbers that do not fall, got \[triangular, 0.3, 0.2, 0.5\]"
    with pytest.raises(ConfigError, match=rule):
        plan_of("plugins=[triangular]", "scale.size_frac=[triangular,0.3,0.2,0.5]")
    with pytest.raises(ConfigError, match=r"be written \[triangular, lo, mode, hi\]"):
        plan_of("plugins=[triangular]", "scale.size_frac=[triangular,0.3,0.5]")


def test_without_its_plug_in_a_distribution_is_not_known(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"begins with one of beta, choice, .*, uniform, got"):
        plan_of("scale.size_frac=[triangular,0.1,0.2,0.5]")


def test_coverage_and_replay_ask_for_the_plug_in_of_a_dataset(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("plugins=[triangular]", "scale.size_frac=[triangular,0.1,0.2,0.5]")
    render.write(plan_of(*words), "data")
    stored = yaml.safe_load(Path("data/dataset.yaml").read_text())
    assert stored["config"]["plugins"] == ["triangular"]
    text = (folder / "triangular.py").read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    assert stored["versions"]["triangular"] == f"sha256:{digest[:16]}"
    (folder / "triangular.py").write_bytes(text + b"\n# changed\n")
    with pytest.raises(DatasetError, match="triangular"):
        render.write(plan_of(*words, "n_frames=3"), "data")
    (folder / "triangular.py").write_bytes(text)

    coverage(["data", "plugins=[triangular]"])
    replay(["data", "1", "plugins=[triangular]"])
    told = capsys.readouterr().out
    assert "scale.size_frac (4)" in told
    assert "frame 1 equals the stored one" in told
    del DISTRIBUTIONS._classes["triangular"]
    for command in (
        lambda: coverage(["data"]), lambda: replay(["data", "1"]), lambda: verify(["data"]),
    ):  # fmt: skip
        with pytest.raises(
            SystemExit, match=r"it was made with plugins=\[triangular\]: say so"
        ) as e:
            command()
        assert "torn" not in str(e.value)


def test_a_top_up_draws_from_the_plug_in_in_each_worker_process(folder: Path) -> None:
    words = ("plugins=[triangular]", "scale.size_frac=[triangular,0.1,0.2,0.5]")
    render.write(plan_of(*words), "data")
    added = ("top_up=data", "n_frames=9", "workers=2")

    refused = run_module("render.run", *added, cwd=folder)
    done = run_module("render.run", *added, "plugins=[triangular]", cwd=folder)

    assert refused.returncode == 1
    assert "it was made with plugins=[triangular]: say so" in refused.stderr
    assert done.returncode == 0, done.stderr
    sizes = [frame.theta.scale.size_frac for frame in render.open("data").frames]
    assert len(sizes) == 11
    assert 0.1 <= min(sizes) < max(sizes) <= 0.5


def test_the_step_of_the_page_changes_its_pixels_and_nothing_else(folder: Path) -> None:
    words = ("sensor=clean", "plugins=[hot_pixels]", "sensor.jpeg_quality=100")
    steps = (
        "+sensor.steps.hot_pixels.fract=[uniform,0.01,0.05]",
        "+sensor.steps.hot_pixels.seed=7",
    )
    with_step, without = plan_of(*words, *steps), plan_of(*words)

    for a, b in zip(render.frames(with_step), render.frames(without), strict=True):
        ((name, settings),) = a.theta.steps
        assert name == "hot_pixels"
        hot = np.random.default_rng(7).random(a.rgb.shape[:2]) < dict(settings)["fract"]
        assert hot.any()
        assert (a.rgb[hot] >= b.rgb[hot]).all()
        np.testing.assert_array_equal(a.rgb[~hot], b.rgb[~hot])
        np.testing.assert_array_equal(a.buffers.depth_m, b.buffers.depth_m)
        assert b.theta == type(b.theta)(**{**vars(a.theta), "steps": ()})


def test_the_experiment_with_the_step_of_the_page_is_replayed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = render.write(plan_of("plugins=[hot_pixels]", "experiment=old_camera"), "data")

    ((_, settings),) = dataset.frames[1].theta.steps
    assert 0.0001 <= dict(settings)["fract"] <= 0.002
    replay(["data", "1", "plugins=[hot_pixels]"])
    assert "frame 1 equals the stored one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("+sensor.steps.hot_pixels.fract=0.1", "hot_pixels must set fract, seed, got"),
        ("+sensor.steps.hot_pixels={fract:2,seed:1}", "fract must lie in 0 to 1, got 2"),
        ("+sensor.steps.dust.n=3", "sensor.steps must be one of hot_pixels, got 'dust'"),
        ("+sensor.steps=3", "sensor.steps must be {NAME: {SETTING: VALUE}}, got 3"),
    ],
)
def test_steps_that_cannot_be_are_named(folder: Path, word: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_of("plugins=[hot_pixels]", word)
    assert message in str(caught.value)


def test_a_step_comes_after_its_stage(folder: Path) -> None:
    texts = []
    for stage in STAGES:
        texts.append(
            "from render.sampling.steps import STEPS, AbstractStep\n"
            f"@STEPS.register('after_{stage}')\n"
            "class Step(AbstractStep):\n"
            f"    after = '{stage}'\n"
            "    def apply(self, image):\n"
            f"        order.append(('{stage}', image.dtype.name))\n"
            "        return image\n"
        )
    (folder / "watching.py").write_text("order = []\n" + "\n".join(texts).replace("Step(", "S("))
    text = (folder / "watching.py").read_text()
    for stage in STAGES:  # one class each
        text = text.replace("class S(", f"class Watch_{stage}(", 1)
    (folder / "watching.py").write_text(text.replace("AbstractS(", "AbstractStep("))
    import_plugins(["watching"])
    steps = tuple((f"after_{stage}", ()) for stage in sorted(STAGES))
    theta = plan_of().space.draw(0)
    light = np.full((8, 8, 3), 0.5, np.float32)

    light = expose(light, light[..., 0], theta.camera, principal_depth_m=1.0, steps=steps)
    develop(light, theta.sensor, steps)

    order = sys.modules["watching"].order
    assert tuple(stage for stage, _ in order) == STAGES
    assert {"float32"} == {kind for stage, kind in order if stage not in ("tone", "sharpen")}


def test_a_step_that_fails_is_named(folder: Path) -> None:
    (folder / "bad_step.py").write_text(
        "from render.sampling.steps import STEPS, AbstractStep\n"
        "@STEPS.register('bad')\n"
        "class Bad(AbstractStep):\n"
        "    after = 'tone'\n"
        "    def apply(self, image): return image[0]\n"
    )
    plan = plan_of("plugins=[bad_step]", "+sensor.steps.bad={}")

    with pytest.raises(RenderError, match=r"sensor.steps.bad must give finite numbers, uint8"):
        next(render.frames(plan))


def test_the_engine_of_the_page_draws_bluer_frames_with_the_same_labels(folder: Path) -> None:
    words = ("plugins=[dusk_engine]", "sensor=clean", "background=color")
    dusk = render.write(plan_of(*words, "engine=dusk", "engine.blue=4"), "dusk")
    day = render.write(plan_of(*words), "day")

    for a, b in zip(dusk.frames, day.frames, strict=True):
        assert a.instances == b.instances
        np.testing.assert_array_equal(a.ids, b.ids)
        red, blue = (a.image.mean((0, 1)) / b.image.mean((0, 1)))[[0, 2]]
        assert red < 0.9 < blue
    replay(["dusk", "0", "plugins=[dusk_engine]"])


def test_an_engine_that_fails_is_named_with_its_frame(folder: Path) -> None:
    text = (folder / "dusk_engine.py").read_text()
    failing = text.replace("return replace(", "return 1 / 0, replace(")
    (folder / "failing_engine.py").write_text(failing)
    target = "engine._target_=failing_engine.DuskEngine"
    plan = plan_of("plugins=[failing_engine,dusk_engine]", target, "engine=dusk")

    place = r"\(failing_engine\.py, line \d+\)"
    with pytest.raises(EngineError, match=f"failed in frame 1: ZeroDivisionError: .* {place}"):
        next(render.frames(plan, 1))


@pytest.mark.parametrize(
    ("frames", "message"),
    [("frames[:1]", "every frame, and 1 of 2 are missing"), ("[0, 0]", "once, got frame 0 again")],
)
def test_an_executor_that_miscounts_is_named(folder: Path, frames: str, message: str) -> None:
    text = (folder / "backwards.py").read_text().replace("reversed(frames)", frames)
    (folder / "miscounting.py").write_text(text)
    plan = plan_of("plugins=[miscounting]", "execution._target_=miscounting.Backwards")

    with pytest.raises(RenderError, match=f"execution must yield .*{message}"):
        render.write(plan, "data")
    assert not Path("data/dataset.yaml").exists()


def test_compose_takes_plug_ins_from_its_words_alone(folder: Path) -> None:
    preset = folder / "conf" / "lighting" / "mine.yaml"
    preset.parent.mkdir()
    preset.write_text("# @package _global_\nplugins: [triangular]\n")

    with pytest.raises(ConfigError, match="plugins must be set on the command line alone"):
        plan_of("lighting=mine")
    assert "triangular" not in sys.modules


def test_the_executor_of_the_page_makes_the_same_dataset(folder: Path) -> None:
    words = ("plugins=[backwards]", "n_frames=3")
    other = render.write(plan_of(*words, "execution=backwards"), "other")
    usual = render.write(plan_of(*words), "usual")

    for a, b in zip(other.frames, usual.frames, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        assert a.instances == b.instances
    times = [path.stat().st_mtime_ns for path in sorted(Path("other/images").glob("*/*.jpg"))]
    assert len(times) == 3


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (None, (), "can be imported, got my_plugin: ModuleNotFoundError"),
        ("import nowhere", (), "can be imported, got my_plugin: ModuleNotFoundError"),
        ("1 / 0", (), "can be imported, got my_plugin: ZeroDivisionError"),
        ("raise SystemExit(3)", (), "can be imported, got my_plugin: SystemExit: 3"),
        ("def f(:", (), "can be imported, got my_plugin: SyntaxError"),
        (
            "from render.sampling.distribution import DISTRIBUTIONS, AbstractDistribution\n"
            "@DISTRIBUTIONS.register('mine')\n"
            "class Mine(AbstractDistribution): ...\n",
            (),
            "can be used: my_plugin.Mine must have all that its kind needs; it lacks ppf",
        ),
        (
            "from render.sampling.distribution import DISTRIBUTIONS, AbstractDistribution\n"
            "@DISTRIBUTIONS.register('uniform')\n"
            "class Mine(AbstractDistribution):\n"
            "    def ppf(self, u): return 0\n",
            (),
            "my_plugin.Mine must have a name of its own; render.sampling.distributions.uniform.",
        ),
        ("E = 3", ("engine._target_=my_plugin.E",), "must derive from AbstractEngine, got my_plug"),
        ("", ("engine._target_=my_plugin.E",), "must be importable, got my_plugin.E: Attribute"),
        (
            "from render.engine.base import AbstractEngine\nclass E(AbstractEngine): ...\n",
            ("engine._target_=my_plugin.E",),
            "must have all that its kind needs; my_plugin.E lacks close, info, render, silhouettes",
        ),
        (
            "from render.execute.base import AbstractExecutor\nclass E(AbstractExecutor): ...\n",
            ("execution._target_=my_plugin.E",),
            "execution._target_ must have all that its kind needs; my_plugin.E lacks run",
        ),
        (
            "from render.execute.base import AbstractExecutor\n"
            "class E(AbstractExecutor):\n"
            "    def run(self, plan, frames, *, on_gpu): return []\n",
            ("execution._target_=my_plugin.E", "+execution.speed=3"),
            "execution must take its keys: my_plugin.E: got an unexpected keyword",
        ),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_named_and_nothing_is_written(
    folder: Path, text: str | None, words: tuple[str, ...], message: str
) -> None:
    if text is not None:
        (folder / "my_plugin.py").write_text(text)

    with pytest.raises(ConfigError) as caught:
        render.write(plan_of("plugins=[my_plugin]", *words), "data")
    assert message in str(caught.value)
    assert not Path("data").exists()


def test_names_of_plug_ins_are_names(folder: Path) -> None:
    for word in ("plugins=[a-b]", "plugins=[../evil]", "plugins=3", "plugins=[class]"):
        with pytest.raises(ConfigError, match="plugins must be a list of names of Python packages"):
            plan_of(word)
    assert plan_of("plugins=json").run.plugins == ("json",)
