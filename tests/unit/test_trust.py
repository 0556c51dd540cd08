"""Files that a stranger wrote run no code and read nothing that is not theirs.

Each would leave a file behind, or bring something of this machine into the dataset, if it worked;
commands on hostile datasets are in tests/e2e/test_trust.py.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from render.build import build
from render.config.composition import split_options
from render.config.presets import presets_of
from render.config.words import config_of
from render.errors import ConfigError
from render.system.paths import CONF_DIR

MARKER = "MARKER"
GLOBAL = "# @package _global_\n"
TOUCH = "{_target_: logging.FileHandler, filename: MARKER}"
EVIL = "from pathlib import Path; Path('MARKER').touch()"
BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi")
)


def experiment(text: str) -> dict[str, str]:
    return {"experiment/bad.yaml": GLOBAL + text}


# Files by their path, and what the message must hold: the key, and the file.
HOSTILE: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    # Classes.
    "engine": (experiment(f"engine: {TOUCH}"), ("engine._target_", "bad.yaml")),
    "execution": (experiment(f"execution: {TOUCH}"), ("execution._target_", "bad.yaml")),
    "engine_of_os": (experiment("engine: {_target_: os.system}"), ("engine._target_", "bad.yaml")),
    "engine_by_prefix": (
        experiment("engine: {_target_: renderer.Evil}"),
        ("engine._target_ must be a class of render or", "renderer.Evil", "bad.yaml"),
    ),
    "engine_dunder": (
        experiment("engine: {_target_: 'render..os.system'}"),
        ("engine._target_ must be the dotted path of a class", "render..os.system"),
    ),
    "engine_list": (
        experiment("engine: {_target_: [os, system]}"),
        ("engine._target_ must be the dotted path",),
    ),
    "target_in_a_group": (
        experiment(f"lighting: {TOUCH}"),
        ("lighting._target_ must not be set", "bad.yaml"),
    ),
    "target_in_a_leaf": (
        experiment(f"scale: {{size_frac: {TOUCH}}}"),
        ("scale.size_frac._target_ must not be set", "bad.yaml"),
    ),
    "target_in_a_list": (
        experiment(f"fixtures: [{TOUCH}]"),
        ("fixtures.0._target_ must not be set", "bad.yaml"),
    ),
    "target_in_engine": (
        experiment(f"engine: {{platform: {TOUCH}}}"),
        ("engine.platform._target_ must not be set", "bad.yaml"),
    ),
    "target_moved": (
        {"experiment/bad.yaml": f"# @package engine.platform\nx: {TOUCH}\n"},
        ("engine.platform.x._target_ must not be set", "bad.yaml"),
    ),
    # Hydra itself.
    "callbacks": (
        experiment(f"hydra: {{callbacks: {{x: {TOUCH}}}}}"),
        ("hydra.callbacks.x._target_", "bad.yaml"),
    ),
    "callbacks_package": (
        {"experiment/bad.yaml": f"# @package hydra.callbacks\nx: {TOUCH}\n"},
        ("hydra.callbacks.x._target_", "bad.yaml"),
    ),
    "callbacks_chosen": (
        experiment("defaults: [override /hydra/callbacks: evil]\n")
        | {"hydra/callbacks/evil.yaml": f"x: {TOUCH}\n"},
        ("defaults", "override /hydra/callbacks", "bad.yaml"),
    ),
    "callbacks_listed": (
        experiment("defaults: [/hydra/callbacks/evil@hydra.callbacks]\n")
        | {"hydra/callbacks/evil.yaml": f"x: {TOUCH}\n"},
        ("defaults", "/hydra/callbacks/evil", "bad.yaml"),
    ),
    "callbacks_of_another_folder": (
        experiment("defaults: [/odd/evil@hydra.callbacks]\n")
        | {"odd/evil.yaml": f"x: {TOUCH}\n"},
        ("hydra.callbacks.x._target_", "evil.yaml"),
    ),
    "job_logging": (
        experiment(
            "hydra: {job_logging: {handlers: {x: {class: logging.FileHandler, filename: MARKER}}}}"
        ),
        ("hydra.job_logging.handlers.x.class", "bad.yaml"),
    ),
    "hydra_logging_chosen": (
        experiment("defaults: [override /hydra/hydra_logging: evil]\n"),
        ("defaults", "/hydra/hydra_logging", "bad.yaml"),
    ),
    "launcher": (
        experiment(f"hydra: {{mode: MULTIRUN, launcher: {TOUCH}}}"),
        ("hydra.launcher._target_", "bad.yaml"),
    ),
    "launcher_of_the_stranger": (
        experiment("defaults: [override /hydra/launcher: evil]\n")
        | {"hydra/launcher/evil.yaml": TOUCH + "\n"},
        ("hydra.launcher._target_", "evil.yaml"),
    ),
    "sweeper_of_the_stranger": (
        experiment("defaults: [override /hydra/sweeper: evil]\n")
        | {"hydra/sweeper/evil.yaml": TOUCH + "\n"},
        ("hydra.sweeper._target_", "evil.yaml"),
    ),
    "swept_callbacks": (
        experiment("hydra: {sweeper: {params: {+hydra.callbacks.x._target_: os.getcwd}}}"),
        ("hydra.callbacks.x._target_", "bad.yaml"),
    ),
    "swept_plugins": (
        experiment("hydra: {sweeper: {params: {plugins: '[evil]'}}}"),
        ("plugins", "bad.yaml"),
    ),
    "swept_by_nesting": (
        experiment("hydra: {sweeper: {params: {hydra: {callbacks: {x: os.getcwd}}}}}"),
        ("hydra.sweeper.params.hydra.callbacks.x", "bad.yaml"),
    ),
    "env_set": (
        experiment("hydra: {job: {env_set: {PYTHONPATH: bad_site}}}"),
        ("hydra.job.env_set.PYTHONPATH", "bad.yaml"),
    ),
    "env_copy": (
        experiment("hydra: {job: {env_copy: [HOME]}}"), ("hydra.job.env_copy", "bad.yaml")
    ),
    "chdir": (experiment("hydra: {job: {chdir: true}}"), ("hydra.job.chdir", "bad.yaml")),
    "searchpath": (
        experiment("hydra: {searchpath: ['pkg://evil']}"), ("hydra.searchpath", "bad.yaml")
    ),
    "output_subdir": (
        experiment("hydra: {output_subdir: /tmp/x}"), ("hydra.output_subdir", "bad.yaml")
    ),
    # Packages.
    "plugins": (experiment("plugins: [evil]"), ("plugins", "evil", "bad.yaml")),
    "plugins_moved": (
        experiment("defaults: [/odd/evil@_global_]\n") | {"odd/evil.yaml": "plugins: [evil]\n"},
        ("plugins", "evil.yaml"),
    ),
    # Tags.
    "tag_apply": (
        experiment("models: [!!python/object/apply:os.system ['touch MARKER']]"),
        ("bad.yaml must be YAML of plain", "!!python/object/apply:os.system", "line 2"),
    ),
    "tag_name": (
        experiment("models: !!python/name:os.system"), ("line 2", "!!python/name", "bad.yaml")
    ),
    "tag_module": (
        experiment("models: !!python/module:evil"), ("line 2", "!!python/module", "bad.yaml")
    ),
    "tag_in_a_key": (
        experiment("? !!python/object/apply:os.system ['touch MARKER']\n: 1\n"),
        ("!!python/object/apply:os.system", "bad.yaml"),
    ),
    "tag_of_its_own": (experiment("models: !evil x"), ("line 2", "!evil", "bad.yaml")),
    # Resolvers.
    **{
        f"resolver_{name}": (
            experiment(f"seed: 3\nassets: {{models_dir: '{text}'}}"),
            ("assets.models_dir", text, "bad.yaml"),
        )
        for name, text in {
            "env": "${oc.env:HOME}",
            "env_default": "${oc.env:NOPE,x}",
            "create": "${oc.create:{a:1}}",
            "decode": "${oc.decode:x}",
            "select": "${oc.select:seed}",
            "hydra": "${hydra:runtime.cwd}",
            "now": "${now:%Y}",
            "custom": "${mine:1}",
            "nested": "${${seed}.env:HOME}",
            "within": "a/${seed}/${oc.env:HOME}",
        }.items()
    },
    "resolver_in_a_key": (experiment("'${oc.env:HOME}': 3"), ("${oc.env:HOME}", "bad.yaml")),
    "resolver_in_defaults": (
        experiment("defaults: [override /lighting: '${oc.env:HOME}']\n"),
        ("defaults", "${oc.env:HOME}", "bad.yaml"),
    ),
    # Files elsewhere.
    "defaults_above": (
        experiment("defaults: [../../outside]\n"), ("defaults", "../../outside", "bad.yaml")
    ),
    "defaults_above_in_a_group": (
        experiment("defaults: [override /lighting: ../../../outside]\n"),
        ("defaults", "../../../outside", "bad.yaml"),
    ),
    "defaults_absolute": (
        experiment("defaults: [//tmp/outside]\n"), ("defaults", "//tmp/outside", "bad.yaml")
    ),
    "defaults_file": (
        experiment("defaults: ['file:///tmp/outside']\n"),
        ("defaults", "file:///tmp/outside", "bad.yaml"),
    ),
    "defaults_pkg": (
        experiment("defaults: ['pkg://evil/x']\n"), ("defaults", "pkg://evil/x", "bad.yaml")
    ),
    # Files of this package and of Hydra, moved into Hydra's section.
    "engine_as_callback": (
        experiment("defaults: [/engine@hydra.callbacks.x: pyrender]\n"),
        ("engine/pyrender", "hydra.callbacks.x"),
    ),
    "launcher_as_callback": (
        experiment("defaults: [/hydra/launcher@hydra.callbacks.x: basic]\n"),
        ("hydra/launcher/basic", "hydra.callbacks.x"),
    ),
    "preset_as_environment": (
        experiment("defaults: [/camera@_global_.hydra.job.env_set: phone]\n"),
        ("camera/", "hydra.job.env_set"),
    ),
    "engine_as_launcher": (
        experiment("defaults: [override /hydra/launcher: mine]\n")
        | {"hydra/launcher/mine.yaml": "defaults: [/engine@_here_: pyrender]\n"},
        ("engine/pyrender", "hydra.launcher"),
    ),
    # Parameters of a sweep, which are read again once they are worked out.
    "swept_resolver_in_parts": (
        experiment(
            "output_dir: $\n"
            "hydra: {sweeper: {params: {seed: \"'${output_dir}{oc.env:HOME}'\"}}}"
        ),
        ("hydra.sweeper.params.seed", "bad.yaml"),
    ),
    "swept_nonsense": (
        experiment("hydra: {sweeper: {params: {'[': 1}}}"), ("hydra.sweeper.params.[", "bad.yaml")
    ),
    # What Hydra cannot read, or does not name.
    "many_digits": (experiment("seed: " + "9" * 5000), ("300 digits", "bad.yaml")),
    "base_60": (experiment("seed: " + "1:" * 3000 + "1"), ("300 digits", "bad.yaml")),
    "key_null": (experiment("null: 2"), ("the key None", "bad.yaml")),
    "key_list": (experiment("? [a]\n: 2"), ("unhashable key", "bad.yaml")),
    "defaults_mapping": (experiment("defaults: {a: b}"), ("defaults of", "bad.yaml")),
    # What costs more than it weighs.
    "defaults_bomb": (
        experiment("defaults: [x0]\n")
        | {f"experiment/x{i}.yaml": f"defaults: [x{i + 1}@a, x{i + 1}@b]\n" for i in range(18)}
        | {"experiment/x18.yaml": "a: 1\n"},
        ("lists of defaults must lead to fewer than 1000 files",),
    ),
    "interpolation_bomb": (
        experiment(
            "models: [" + "x" * 1000 + ", " + ", ".join(
                f"'${{models.{i}}}${{models.{i}}}'" for i in range(30)
            ) + "]"
        ),
        ("models.", "${}"),
    ),
    "interpolation_bomb_of_lists": (
        experiment(
            "models: [[x], " + ", ".join(
                f"['${{models.{i}}}', '${{models.{i}}}']" for i in range(30)
            ) + "]"
        ),
        ("models.", "${}"),
    ),
    "interpolations": (
        experiment("models: [x, '" + "${models.0}" * 9000 + "']"), ("models.", "${}")
    ),
    "alias_bomb": (experiment(BOMB), ("bad.yaml", "too many values, more than 100000")),
    "deep": (experiment("models: " + "[" * 70 + "]" * 70), ("64 levels", "bad.yaml")),
    "very_deep": (experiment("models: " + "[" * 20_000), ("64 levels", "bad.yaml")),
    "alias_of_itself": (experiment("models: &a [*a]"), ("must not hold itself", "bad.yaml")),
    "large": (experiment("# " + "x" * 1_000_001), ("1000000 bytes", "bad.yaml")),
    "long_list": (
        experiment("models: [" + "x, " * 200_000 + "x]"), ("more than 100000", "bad.yaml")
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Python stands, with a module whose import leaves a file, and a config outside."""
    for name in ("evil", "renderer"):
        (tmp_path / f"{name}.py").write_text(EVIL)
    np.save(tmp_path / "bad.npy", np.array([Bomb()], object), allow_pickle=True)
    (tmp_path / "outside.yaml").write_text(f"# @package _global_\nhydra: {{callbacks: {TOUCH}}}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Bomb:
    """Unpickled, it leaves the file behind."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {MARKER}",)


def refused(folder: Path, files: dict[str, str], *words: str) -> str:
    for path, text in files.items():
        (folder / "conf" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "conf" / path).write_text(text)
    with pytest.raises(ConfigError) as caught:
        build(config_of(words, config_dir=folder / "conf"), check_assets=False)
    assert not (folder / MARKER).exists()
    assert not {"evil", "renderer"} & set(sys.modules)
    return str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_experiment_runs_nothing_and_is_named(name: str, folder: Path) -> None:
    files, told = HOSTILE[name]

    message = refused(folder, files, "experiment=bad")

    for word in told:
        assert word in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("words", "files", "told"),
    [
        (("lighting=bad",), {"lighting/bad.yaml": f"x: {TOUCH}"}, "lighting.x._target_ must not"),
        (("engine=bad",), {"engine/bad.yaml": TOUCH}, "engine._target_ must be a class of"),
        (
            ("engine=bad",),
            {"engine/bad.yaml": "{_target_: numpy.load, file: bad.npy, allow_pickle: true}"},
            "got numpy.load in",
        ),
        (("+writer@output=bad",), {"writer/bad.yaml": f"x: {TOUCH}"}, "output.x._target_ must"),
        (("experiment=../../outside",), {}, "must lie in the folder of configs, got experiment/.."),
        (("experiment=/etc/x",), {}, "must be one of"),
        (
            ("lighting=mixture",),
            {"lighting/bad.yaml": "defaults: [_base]\nkind: ${oc.env:HOME}\n"},
            "kind must name a key of the config in ${}",
        ),
        (
            ("lighting=mixture",),
            {"lighting/bad.yaml": "defaults: [../../outside]\n"},
            "must name files of the folder of configs, got ../../outside",
        ),
        (
            ("lighting=mixture",),
            {"lighting/bad.yaml": "kind: !!python/object/apply:os.system ['touch MARKER']\n"},
            "must hold plain values, because a tag can run code",
        ),
        (("lighting=mixture",), {"lighting/bad.yaml": BOMB}, "more than 100000"),
        (
            ("lighting=mixture",),
            {"lighting/bad.yaml": "defaults: [worse]\n", "lighting/worse.yaml": "defaults: [bad]"},
            "must not lead back to the file",
        ),
        (("lighting=bad",), {"lighting/bad.yaml": "defaults: [/odd/x@hydra.callbacks]\n",
                             "odd/x.yaml": f"y: {TOUCH}"}, "hydra.callbacks.y._target_ must not"),
    ],
)  # fmt: skip
def test_a_hostile_preset_runs_nothing_and_is_named(
    words: tuple[str, ...], files: dict[str, str], told: str, folder: Path
) -> None:
    assert told in refused(folder, files or {"x.yaml": ""}, *words)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_a_config_that_is_no_regular_file_is_named(
    make: Callable[[Path], None], folder: Path
) -> None:
    (folder / "conf" / "experiment").mkdir(parents=True)
    make(folder / "conf" / "experiment" / "bad.yaml")

    assert "bad" in refused(folder, {}, "experiment=bad")


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\x1b[31m"])
def test_texts_with_control_characters_are_named(text: str, folder: Path) -> None:
    message = refused(folder, experiment(f"output_dir: {json.dumps(text)}"), "experiment=bad")

    assert message.startswith("output_dir must be text without control characters, got 'a\\")


def test_files_whose_bytes_are_no_text_are_named(folder: Path) -> None:
    lighting = folder / "conf" / "lighting"
    lighting.mkdir(parents=True)
    (lighting / "bad.yaml").write_bytes(b"kind: \xff\n")
    assert "bad.yaml must be UTF-8 text, got b'\\xff' at byte 6" in refused(
        folder, {}, "lighting=bad"
    )
    (lighting / "bad.yaml").unlink()

    name = os.fsdecode(b"odd\xff.yaml")
    (lighting / name).write_text("defaults: [_base]\n")
    with pytest.raises(ConfigError, match=r"odd\\udcff.yaml' must have a name of printable UTF-8"):
        presets_of("lighting", [CONF_DIR, folder / "conf"])


def test_what_a_file_may_say_of_hydra(folder: Path) -> None:
    (folder / "conf" / "experiment").mkdir(parents=True)
    (folder / "conf" / "experiment" / "good.yaml").write_text(
        GLOBAL + "defaults: [override /hydra/launcher: basic, override /lighting: sun]\n"
        "hydra: {mode: MULTIRUN, sweep: {dir: x}, sweeper: {params: {seed: '1,2'}}}\n"
        "n_frames: ${val_fraction}\nval_fraction: 1\n"
    )

    config = config_of(["experiment=good"], config_dir=folder / "conf")

    assert (config["n_frames"], config["lighting"]["kind"]) == (1, "directional")


@pytest.mark.parametrize("name", ["run", "sweep"])
def test_a_folder_of_a_store_is_refused_before_one_is_made(name: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=rf"hydra.{name}.dir must be the path .* got 's3://b/x'"):
        config_of([f"hydra.{name}.dir='s3://b/x'"])

    assert not (folder / "s3:").exists()


def test_an_unknown_value_of_an_option_is_named() -> None:
    with pytest.raises(ConfigError, match=r"options must be .*--cfg.*'foo'"):
        split_options(["--cfg", "foo"])
