"""Files that a stranger wrote run no code: each attempt here would leave a file behind.

All attempts are made in one process, one command line after the other, in a folder that holds a
module `evil`, whose import leaves the file too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.e2e.cli import ROOT, environment, render

TOUCH = "_target_: logging.FileHandler\n    filename: MARKER"
WRITE = "from pathlib import Path; Path('MARKER').touch()"
GLOBAL = "# @package _global_\n"

SEVERAL = """
import importlib, json, os, sys
from pathlib import Path
outcomes = {}
for name, module, words in json.loads(Path(sys.argv[1]).read_text()):
    sys.argv = [module, *words]
    os.environ.pop("HYDRA_FULL_ERROR", None)
    said = ""
    try:
        importlib.import_module(module).main()
    except SystemExit as ended:
        said = str(ended.code)
    except Exception as error:
        said = repr(error)
    outcomes[name] = said, Path("MARKER").exists()
    Path("MARKER").unlink(missing_ok=True)
    sys.modules.pop("evil", None)
    print(f"== {name}", flush=True)
Path("outcomes.json").write_text(json.dumps(outcomes))
"""


@dataclass(frozen=True)
class Attempt:
    """A command line, the files that a stranger gave, and what must be said of them.

    Attributes:
        files: Contents by path below the folder of configs.

    """

    says: str
    files: dict[str, str]
    words: tuple[str, ...] = ("experiment=bad",)
    folder: str = "--config-dir"
    module: str = "render.run"
    extra: tuple[str, ...] = field(default=("n_frames=1",))


def experiment(text: str) -> dict[str, str]:
    return {"experiment/bad.yaml": GLOBAL + text}


ATTEMPTS = {
    "engine": Attempt(
        "engine._target_ must be a class of render or of a package that plugins names, got "
        "logging.FileHandler in",
        experiment("engine:\n    " + TOUCH),
    ),
    "numpy_load": Attempt(
        "got numpy.load in",
        {"engine/bad.yaml": "_target_: numpy.load\nfile: bad.npy\nallow_pickle: true\n"},
        words=("engine=bad",),
    ),
    "execution": Attempt(
        "execution._target_ must be a class of render", experiment("execution:\n    " + TOUCH)
    ),
    "nested": Attempt(
        "engine.platform._target_ must not be set",
        experiment("engine:\n  platform:\n    " + TOUCH),
    ),
    "function_of_render": Attempt(
        "engine._target_ must derive from AbstractEngine, got render.system.files.write_whole",
        experiment(
            "engine:\n  _target_: render.system.files.write_whole\n  path: MARKER\n  data: x\n"
        ),
    ),
    "preset": Attempt(
        "got logging.FileHandler in",
        {"engine/bad.yaml": TOUCH.replace("    ", "")},
        words=("engine=bad",),
    ),
    "preset_package": Attempt(
        "got logging.FileHandler in",
        {"lighting/bad.yaml": "# @package engine\n" + TOUCH.replace("    ", "")},
        words=("lighting=bad",),
    ),
    "callbacks": Attempt(
        "hydra.callbacks.x._target_ must be set on the command line alone",
        experiment("hydra:\n  callbacks:\n   x:\n    " + TOUCH),
    ),
    "callbacks_package": Attempt(
        "hydra.callbacks.x._target_ must be set on the command line alone",
        {"experiment/bad.yaml": "# @package hydra.callbacks.x\n" + TOUCH.replace("    ", "")},
    ),
    "callbacks_group": Attempt(
        "must choose nothing of Hydra but its launcher and sweeper",
        experiment("defaults:\n  - override /hydra/callbacks: bad\n")
        | {"hydra/callbacks/bad.yaml": "x:\n    " + TOUCH},
    ),
    "callbacks_moved": Attempt(
        "hydra.callbacks.x._target_ must be set on the command line alone",
        experiment("defaults:\n  - /odd/bad@hydra.callbacks\n")
        | {"odd/bad.yaml": "x:\n    " + TOUCH},
    ),
    "callbacks_swept": Attempt(
        "hydra.callbacks.x._target_ must be set on the command line alone",
        experiment(
            "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
            "      +hydra.callbacks.x._target_: os.getcwd\n"
        ),
    ),
    "job_logging": Attempt(
        "hydra.job_logging.handlers.x.class must be set on the command line alone",
        experiment(
            "hydra:\n  job_logging:\n    handlers:\n"
            "      x: {class: logging.FileHandler, filename: MARKER}"
        ),
    ),
    "job_logging_chosen": Attempt(
        "hydra.job_logging.handlers.x.class must be set on the command line alone",
        {
            "hydra/job_logging/bad.yaml": "handlers:\n"
            "  x: {class: logging.FileHandler, filename: MARKER}\nversion: 1\n"
        },
        words=("hydra/job_logging=bad",),
    ),
    "launcher": Attempt(
        "hydra.launcher._target_ must be set on the command line alone",
        experiment("hydra:\n  mode: MULTIRUN\n  launcher:\n    " + TOUCH),
    ),
    "environment_of_workers": Attempt(
        "hydra.job.env_set.PYTHONPATH must be set on the command line alone",
        experiment("hydra:\n  job:\n    env_set: {PYTHONPATH: bad_site}"),
        extra=("n_frames=16", "workers=2"),
    ),
    "searchpath": Attempt(
        "hydra.searchpath must be set on the command line alone",
        {"config.yaml": "hydra:\n  searchpath: ['pkg://evil']\n"},
        words=(),
        folder="--config-path",
    ),
    "plugins": Attempt(
        "plugins must be set on the command line alone", experiment("plugins: [evil]")
    ),
    "plugins_beside_those_typed": Attempt(
        "plugins must be set on the command line alone",
        experiment("plugins: [evil]"),
        words=("experiment=bad", "plugins=[json]"),
    ),
    "plugins_package": Attempt(
        "plugins must be set on the command line alone",
        {"lighting/bad.yaml": "# @package _global_\nplugins: [evil]\n"},
        words=("lighting=bad",),
    ),
    "plugins_of_main_file": Attempt(
        "plugins must be set on the command line alone",
        {"config.yaml": "plugins: [evil]\n"},
        words=(),
        folder="--config-path",
    ),
    "plugins_swept": Attempt(
        "plugins must be set on the command line alone",
        experiment(
            "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      +plugins: '[evil],[json]'\n"
        ),
    ),
    "plugins_forged": Attempt(
        "hydra.overrides.task must be set on the command line alone",
        experiment("hydra:\n  overrides:\n    task: ['plugins=[evil]']\n"),
        folder="--multirun --config-dir",
    ),
    "plugins_borrowed": Attempt(
        "plugins must be a list of names of Python packages",
        experiment("models: [evil]"),
        words=("experiment=bad", "plugins=${models}"),
    ),
    "yaml_tag": Attempt(
        "it must hold plain values, because a tag can run code",
        experiment("models: [!!python/object/apply:os.system ['touch MARKER']]\n"),
    ),
    "environment": Attempt(
        "assets.models_dir must name a key of the config in ${} and no resolver",
        experiment("output_dir: oc\nassets: {models_dir: '${${output_dir}.env:HOME}'}\n"),
    ),
    "rerun": Attempt(
        "--experimental-rerun must not be used",
        {"bad.pickle": "cos\nsystem\n(S'touch MARKER'\ntR."},
        words=("--experimental-rerun", "rerun/bad.pickle"),
        folder="",
        extra=(),
    ),
}

DATASETS = {
    "numpy": {"engine": {"_target_": "numpy.load", "file": "bad.npy", "allow_pickle": True}},
    "write": {"execution": {"_target_": "logging.FileHandler", "filename": "MARKER"}},
    "plugins": {"plugins": ["evil"]},
    "borrowed": {
        "plugins": ["evil"],
        "engine": {"_target_": "logging.FileHandler", "filename": "${oc.env:HOME}"},
    },
}
REFUSALS = {
    "numpy": "engine._target_ must be a class of render or of a package that plugins names, got "
    "numpy.load: say plugins=[numpy]",
    "write": "execution._target_ must be a class of render",
    "plugins": "plugins must name evil on the command line (it was made with plugins=[evil]: say "
    "so on the command line if you trust these packages)",
    "borrowed": "plugins must name evil on the command line",
}


# What verify says of them: none is called whole.
FINDINGS = {
    "numpy": "config_sha256 must be that of its config, and is not: one of them was edited",
    "write": "execution._target_ must be a class of render or of a package that plugins names",
    "plugins": "run_config_sha256 must be that of its config, and is not",
    "borrowed": "run_config_sha256 must be that of its config, and is not",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, bool]]:
    """By attempt: what the command said, and whether code ran."""
    return made(tmp_path_factory.mktemp("attempts"), ATTEMPTS)


def made(folder: Path, attempts: dict[str, Attempt]) -> dict[str, tuple[str, bool]]:
    (folder / "evil.py").write_text(WRITE)
    (folder / "bad_site").mkdir()
    (folder / "bad_site" / "sitecustomize.py").write_text(WRITE)
    np.save(folder / "bad.npy", np.array([Bomb()], object), allow_pickle=True)
    lines = []
    for name, attempt in attempts.items():
        for path, text in attempt.files.items():
            file = folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        options = [*attempt.folder.split(), str(folder / name)] if attempt.folder else []
        small = [*attempt.extra, "models=[die]", "camera.size_wh=[64,48]"] if attempt.extra else []
        known = {w.partition("=")[0] for w in attempt.words}
        words = [w for w in small if w.partition("=")[0] not in known]
        lines.append((name, attempt.module, [*options, *attempt.words, *reversed(words)]))
    (folder / "lines.json").write_text(json.dumps(lines))
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, "lines.json"],
        cwd=folder,
        env=environment() | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    ended = json.loads((folder / "outcomes.json").read_text())
    found, rest = {}, done.stdout
    for name, (code, has_run) in ended.items():
        text, _, rest = rest.partition(f"== {name}\n")
        found[name] = f"{code} {text}", has_run
    return found


@pytest.fixture(scope="module")
def on_datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, bool]]:
    """By command and dataset, what came of commands on datasets of a stranger."""
    folder = tmp_path_factory.mktemp("datasets")
    render("output_dir=honest", "n_frames=12", "val_fraction=0.5", cwd=folder)
    attempts = {}
    for name, changes in DATASETS.items():
        shutil.copytree(folder / "honest", folder / name)
        path = folder / name / "dataset.yaml"
        content = yaml.safe_load(path.read_text())
        content["config"] |= changes
        path.write_text(yaml.safe_dump(content))
        for module, words in (
            ("render.replay", (name, "0")),
            ("render.verify", (name,)),
            ("render.coverage", (name,)),
            ("render.run", (f"top_up={name}", "n_frames=3", "workers=1")),
        ):
            attempts[f"{module} {name}"] = Attempt("", {}, words, "", module, ())
    return made(folder, attempts)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("module", ["replay", "verify", "coverage", "run"])
def test_a_dataset_of_a_stranger_runs_no_code(
    on_datasets: dict[str, tuple[str, bool]], module: str, name: str
) -> None:
    said, has_run = on_datasets[f"render.{module} {name}"]

    assert not has_run, said
    if module == "verify":
        assert FINDINGS[name] in said
    if module in ("replay", "run"):
        assert REFUSALS[name] in " ".join(said.split())


class Bomb:
    """Unpickled, it leaves the file behind."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch MARKER",)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_file_of_a_stranger_runs_no_code(
    outcomes: dict[str, tuple[str, bool]], name: str
) -> None:
    said, has_run = outcomes[name]

    assert not has_run, said
    assert ATTEMPTS[name].says in " ".join(said.split())
