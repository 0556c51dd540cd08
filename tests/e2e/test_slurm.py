"""Runs on a real Slurm of one node, whose jobs are queued again, killed and cancelled."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import ROOT, SMALL, bytes_of, environment, render, run_module

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("sbatch") is None, reason="Debian's slurm-wlm is not installed"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start Slurm's daemons"),
]
needs_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None,
    reason="submitit is not installed (extra `submitit`)",
)

LOOK = ("engine=cpu", "n_frames=200")  # twelve shards and a half: jobs are there to be ended
SUBMITIT = ("execution=submitit", "workers=2")
# These differ by way of execution; see the contract of the dataset on disk.
OTHER = ("dataset.yaml", ".manifest/")


def files_of(folder: Path) -> dict[str, str]:
    return {name: sha for name, sha in bytes_of(folder).items() if not name.startswith(OTHER)}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a run without Slurm."""
    folder = tmp_path_factory.mktemp("plain")
    render(*LOOK, "output_dir=data", cwd=folder)
    return files_of(folder / "data")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster which commands of these tests, and the jobs that they hand in, use."""
    folder = Path(f"/tmp/render-slurm-{os.getpid()}")  # munged wants it seen by all
    script = str(ROOT / "scripts" / "slurm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        started = subprocess.run([script, "start", folder], capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        assert started.stdout == f"export SLURM_CONF={folder}/slurm.conf\n"
        yield
        subprocess.run([script, "stop", folder], check=True)
        assert not folder.exists()


def shell(line: str, cwd: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", line], cwd=cwd, env=environment(), capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wait_for(happens: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def job(job_id: str) -> dict[str, str]:
    """What Slurm knows of a job."""
    told = shell(f"scontrol --oneliner show job {job_id}", ROOT)
    return dict(re.findall(r"(\w+)=(\S+)", told))


def queued() -> list[str]:
    return shell("squeue --me --noheader --sort=i --format=%A", ROOT).split()


def queue_again(job_id: str) -> None:
    """As a preemption does; the two minutes for which Slurm then holds a job are cut short."""
    shell(f"scontrol requeue {job_id}", ROOT)
    wait_for(lambda: job(job_id)["JobState"] == "PENDING")
    shell(f"scontrol update JobId={job_id} StartTime=now", ROOT)


def begun(cwd: Path) -> subprocess.Popen[str]:
    """A run through submitit, of which both jobs have rendered a frame."""
    process = subprocess.Popen(
        [sys.executable, "-m", "render.run", *SMALL, *LOOK, "output_dir=data", *SUBMITIT],
        cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    results = [cwd / "data.jobs" / "frames-00000000" / f"results-{slot:05d}" for slot in range(2)]
    wait_for(
        lambda: (
            process.poll() is not None
            or all(path.exists() and path.stat().st_size for path in results)
        )
    )
    assert process.poll() is None, process.communicate()[1]
    return process


def test_array_of_the_docs_completes_the_dataset(plain: dict[str, str], tmp_path: Path) -> None:
    docs = (ROOT / "docs" / "long_runs.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^sbatch (--array=0-63 .*\n.*)$", docs, re.MULTILINE)
    for old, new in (
        ("--array=0-63", "--array=0-2"),
        ("shard.count=64", "shard.count=3"),
        ("n_frames=100000", " ".join((*SMALL, *LOOK))),
        ("/shared/bolts", "data"),
    ):
        assert old in line
        line = line.replace(old, new)

    shell(f"sbatch --wait {line}", tmp_path)

    logs = [path.read_text() for path in sorted(tmp_path.glob("slurm-*.out"))]
    assert len(logs) == 3
    assert 1 == sum("preview     data/preview.jpg" in log for log in logs)
    assert files_of(tmp_path / "data") == plain


def test_job_of_the_array_script_is_queued_again(plain: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    words = " ".join((*SMALL[:-1], *LOOK, "output_dir=data"))
    script = ROOT / "deploy" / "render.sbatch"
    # The node has fewer CPUs than the script asks for, and the array begins at 1.
    array = shell(f"sbatch --parsable --cpus-per-task=1 --array=1-2 {script} {words}", tmp_path)
    finish = shell(
        f"sbatch --parsable --dependency=afterok:{array} --wrap 'python -m render.finish data'",
        tmp_path,
    )

    wait_for(lambda: len(list(tmp_path.glob("data/images/*/*.jpg"))) > 20)
    queue_again(f"{array}_2")
    wait_for(lambda: not queued())

    assert job(f"{array}_2")["Restarts"] == "1"
    assert job(finish)["JobState"] == "COMPLETED"
    assert files_of(tmp_path / "data") == plain


@needs_submitit
def test_jobs_of_submitit_are_queued_again_and_killed(
    plain: dict[str, str], tmp_path: Path
) -> None:
    run = begun(tmp_path)
    preempted, killed = queued()
    processes = shell(f"scontrol listpids {killed}.0", tmp_path).splitlines()[1:]
    for process in processes:
        os.kill(int(process.split()[0]), signal.SIGKILL)
    assert processes
    queue_again(preempted)

    _, errors = run.communicate(timeout=300)

    assert run.returncode == 0, errors
    jobs = shell("scontrol --oneliner show jobs", tmp_path)
    numbered = {
        int(name): state for name, state in re.findall(r"JobId=(\d+) .*JobState=(\S+)", jobs)
    }
    # No other job but for the killed one.
    states = [numbered[name] for name in sorted(numbered) if name >= int(preempted)]
    assert states == ["COMPLETED", "FAILED", "COMPLETED"]
    assert job(preempted)["Restarts"] == "1"
    assert queued() == []
    assert files_of(tmp_path / "data") == plain
    assert not (tmp_path / "data.jobs").exists()


@needs_submitit
def test_run_that_is_told_to_end_cancels_its_jobs(tmp_path: Path) -> None:
    run = begun(tmp_path)

    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=20)

    assert run.returncode == 143
    assert queued() == []


@needs_submitit
def test_job_that_slurm_does_not_take_is_told(tmp_path: Path) -> None:
    words = (*SMALL, *LOOK, "output_dir=data", *SUBMITIT, "execution.partition=night")

    done = run_module("render.run", *words, cwd=tmp_path)

    assert done.returncode == 1
    assert "error: the scheduler refuses the job: sbatch: error: invalid partition" in done.stderr
