"""How commands begin and end: exit codes, signals, readers that go away, logs."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from render.__main__ import COMMANDS
from render.system import console
from render.system.console import progress, run_command, say
from render.system.interrupts import importing
from tests.conftest import ROOT
from tests.e2e.cli import environment, run_module


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signal handlers are afterwards as they were."""
    kept = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_gives_the_exit_code_that_shells_know(
    number: signal.Signals, code: int, handlers: None
) -> None:
    def main() -> None:
        os.kill(os.getpid(), number)
        time.sleep(1)

    with pytest.raises(SystemExit) as ended:
        run_command(main)

    assert ended.value.code == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_libraries_are_imported_ends_the_process_at_once(
    number: signal.Signals, code: int
) -> None:
    # Such as trimesh, which goes on after any exception of an import.
    program = (
        "import os, sys\n"
        "from render.system.console import run_command\n"
        "from render.system.interrupts import importing\n"
        "def main():\n"
        "    with importing():\n"
        "        try:\n"
        f"            os.kill(os.getpid(), {int(number)})\n"
        "        except BaseException:\n"
        "            pass\n"
        "    print('went on')\n"
        "run_command(main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_importing_leaves_the_handlers_as_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    with importing():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("ending", ["", "sys.exit('error: no')"])
def test_a_reader_that_goes_away_is_no_error_of_the_command(ending: str) -> None:
    program = (
        "import sys\n"
        "from render.system.console import run_command, say\n"
        "def main():\n"
        "    for _ in range(9): say('x' * 99999)\n"
        f"    {ending or 'print(1)'}\n"
        "run_command(main)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(5)
        process.stdout.close()
        told = process.stderr.read()

    assert process.returncode == (1 if ending else 0)
    assert told == ("error: no\n" if ending else "")


@pytest.mark.parametrize("words", [("render",), ("render.run", "--cfg", "job")])
def test_pages_can_be_cut_off(words: tuple[str, ...], tmp_path: Path) -> None:
    line = f"{sys.executable} -m {' '.join(words)} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


def test_names_of_other_bytes_can_be_told(
    capfdbinary: pytest.CaptureFixture[bytes], handlers: None
) -> None:
    program = (
        "from render.system.console import run_command, say\nrun_command(lambda: say('\\udcff'))"
    )
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True)

    assert capfdbinary.readouterr().out == b"\\udcff\n"


def test_a_log_gets_a_line_every_thirty_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert console._EVERY_S == 30
    monkeypatch.setattr(console, "_EVERY_S", 0.4)

    with progress("render", 100, unit="frame", initial=10) as one_more:
        time.sleep(0.6)  # a line also where nothing happens
        for _ in range(5):
            one_more()
        time.sleep(0.4)
    say("done")
    time.sleep(0.5)

    told = capsys.readouterr()
    first, second = told.err.splitlines()
    assert first == "render: 10 of 100 frames, 0 frames/s"
    assert re.fullmatch(r"render: 15 of 100 frames, [\d.]+ frames/s, 0:00:\d\d remaining", second)
    assert told.out == "done\n"
    assert console.Pace(13, 100, 0.001).text("frame") == (
        "13 of 100 frames, 0.001 frames/s, 1 day, 0:10:00 remaining"
    )


def test_the_package_itself_is_a_command_with_all_others(tmp_path: Path) -> None:
    found = {
        path.stem
        for path in (ROOT / "render").glob("*.py")
        if "run_command(main)" in path.read_text(encoding="utf-8")
    }
    assert found - {"__main__"} == set(COMMANDS)

    page = run_module("render", cwd=tmp_path)
    assert page.returncode == 0
    assert page.stdout.startswith(f"python -m render COMMAND ...: {', '.join(COMMANDS)}; each has")

    wrong = run_module("render", "verfy", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("got verfy; did you mean verify?\n")

    usage = run_module("render", "coverage", cwd=tmp_path)
    assert usage.returncode == 2
    assert usage.stderr.startswith("usage: python -m render.coverage DIR")


def test_hints_name_what_installs_this_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = [*(ROOT / "render").rglob("*.py"), *(ROOT / "conf").rglob("*.yaml")]
    named = {
        (name, extra)
        for path in files
        for name, extra in re.findall(
            r"pip install '([^'\[]*)\[(\w+)\]'", path.read_text(encoding="utf-8")
        )
    }

    assert named == {
        (project["name"], extra) for extra in ("cuda", "mitsuba", "pile", "ray", "submitit")
    }
    assert project["name"] != "render"  # another project's on PyPI
    assert project["scripts"] == {"render": "render.__main__:command"}


def in_bash(words: str) -> subprocess.CompletedProcess[str]:
    command = f"{shlex.quote(sys.executable)} -m {words}"
    return subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_streams_that_are_closed_or_full_change_no_exit_code(redirection: str) -> None:
    done = in_bash(f"render.verify nowhere {redirection}")

    assert 1 == done.returncode
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(("redirection", "code"), [(">&-", 0), (">/dev/full", 1)])
def test_an_output_that_cannot_be_written_is_told_and_a_closed_one_is_nobody_s(
    redirection: str, code: int
) -> None:
    done = in_bash(f"render.run --help {redirection}")

    told = "error: standard output cannot be written: No space left on device\n"
    assert (code, told * code) == (done.returncode, done.stderr)
