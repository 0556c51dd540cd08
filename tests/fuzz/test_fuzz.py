"""Damaged inputs of every kind end in success or in a refusal that names what is to be mended.

No traceback, no hang, no more memory than a stated bound, no "internal error", whatever the bytes.
Every run of the tests takes a minute of processor time for it; ``-m slow`` tries thousands of
cases. ``-s`` shows what they came to, and ``--fuzz-report FILE`` keeps it. A case depends on its
kind, the seed and its number alone; ``--fuzz-seed`` tries others.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import run_module
from tests.fuzz.config_kind import OverrideKind
from tests.fuzz.kind import rng_of
from tests.fuzz.runner import Runner, failures_text, table
from tests.fuzz.worker import KINDS

# Seconds of processor time in every run: 60 with what the process needs to start.
SHORT_S = {
    "models": 8.0, "cad models": 8.0, "pictures": 4.0, "overrides": 9.0, "config files": 5.0,
    "poses": 4.0, "side files": 4.0, "datasets": 10.0,
}  # fmt: skip
FRAME = ("n_frames=1", "workers=1", "camera.size_wh=[64,48]")
LONG = {
    "models": 500, "cad models": 100, "pictures": 400, "overrides": 400, "config files": 200,
    "poses": 300, "side files": 300, "datasets": 400,
}  # fmt: skip


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """The processes of a module, with what they share."""
    with Runner(tmp_path_factory.mktemp("fuzz")) as runner:
        yield runner


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_inputs_end_well(kind: str, runner: Runner, pytestconfig: pytest.Config) -> None:
    _try(runner, kind, pytestconfig, n=10_000, cpu_s=SHORT_S[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_inputs_end_well(
    kind: str, runner: Runner, pytestconfig: pytest.Config
) -> None:
    _try(runner, kind, pytestconfig, n=LONG[kind], cpu_s=3600.0)


@pytest.mark.parametrize(
    "numbers", [range(2), pytest.param(range(2, 40), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_a_command_ends_with_its_status_whatever_is_typed(
    numbers: range, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """What `overrides` tries in this process, typed: other words are parsed, a frame is drawn."""
    kind, seed = OverrideKind(), pytestconfig.getoption("--fuzz-seed")
    kind.prepare(tmp_path)
    assets = [f"assets.{name.name}_dir={name}" for name in sorted((tmp_path / "assets").iterdir())]
    ended: Counter[int] = Counter()
    for number in numbers:
        folder = tmp_path / str(number)
        folder.mkdir()
        kind.make(rng_of("commands", seed, number), tmp_path, folder)
        words = json.loads((folder / "words.json").read_text())["own"]
        done = run_module(
            "render.run", *assets, *words, *FRAME, f"output_dir={folder / 'data'}", cwd=folder
        )
        ended[done.returncode] += 1

        assert done.returncode in (0, 1, 2), (number, words, done.stderr)
        assert not re.search("Traceback|internal error", done.stderr), (number, words, done.stderr)
        assert done.returncode == 0 or "error: " in done.stderr, (number, words, done.stderr)
    print(f"\ncommands: {dict(ended)} by exit status")  # noqa: T201


def _try(runner: Runner, kind: str, config: pytest.Config, *, n: int, cpu_s: float) -> None:
    seed, since = config.getoption("--fuzz-seed"), time.monotonic()
    outcomes = list(runner.cases(kind, seed, n=n, cpu_s=cpu_s))
    text = table(kind, outcomes, time.monotonic() - since)
    print(f"\n{text}")  # noqa: T201
    if report := config.getoption("--fuzz-report"):
        with Path(report).open("a") as file:
            file.write(f"{text}\n\n")
    failures = failures_text(kind, seed, runner.shared, outcomes)

    if failures:
        pytest.fail(failures, pytrace=False)
