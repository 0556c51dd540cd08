"""Files that a stranger wrote run no code and read nothing that is not theirs.

Each would leave a file behind, or bring something of this machine into the dataset, if it worked;
commands on hostile datasets are in tests/e2e/test_trust.py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from render.build import build
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
        ("models.0", "!!python/object/apply:os.system", "bad.yaml"),
    ),
    "tag_name": (
        experiment("models: !!python/name:os.system"), ("models", "!!python/name", "bad.yaml")
    ),
    "tag_module": (
        experiment("models: !!python/module:evil"), ("models", "!!python/module", "bad.yaml")
    ),
    "tag_in_a_key": (
        experiment("? !!python/object/apply:os.system ['touch MARKER']\n: 1\n"),
        ("!!python/object/apply:os.system", "bad.yaml"),
    ),
    "tag_of_its_own": (experiment("models: !evil x"), ("models", "!evil", "bad.yaml")),
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
            "own": "${slug:1,x}",
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
    # What costs more than it weighs.
    "alias_bomb": (experiment(BOMB), ("bad.yaml", "100000 values")),
    "deep": (experiment("models: " + "[" * 60 + "]" * 60), ("models", "50 levels", "bad.yaml")),
    "very_deep": (experiment("models: " + "[" * 20_000), ("50 levels", "bad.yaml")),
    "alias_of_itself": (experiment("models: &a [*a]"), ("models", "50 levels", "bad.yaml")),
    "large": (experiment("# " + "x" * 1_000_001), ("1000000 bytes", "bad.yaml")),
    "long_list": (
        experiment("models: [" + "x, " * 200_000 + "x]"), ("100000 values", "bad.yaml")
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
            "kind must be a plain value, because a tag can run code",
        ),
        (("lighting=mixture",), {"lighting/bad.yaml": BOMB}, "at most 100000 values"),
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
