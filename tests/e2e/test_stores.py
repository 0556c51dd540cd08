"""Datasets in object stores: real servers that speak S3 on loopback, which are killed, too."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.e2e.cli import SMALL, bytes_of, environment, render

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (extra `test`)")
ClientError = pytest.importorskip("botocore.exceptions").ClientError
pytest.importorskip("s3fs", reason="s3fs is not installed (extra `s3`)")

FRAMES = 40  # two shards and a half
LOOK = ("lighting=sun", "background=color", "sensor=clean", "occlusion=none", f"n_frames={FRAMES}")
URL = "s3://bucket/some/bolts"
ENTRY = ".manifest/shard-{:05d}.json"


@dataclass
class Server:
    """A server of one bucket, and what clients of it have in their environment."""

    command: tuple[str, ...]
    port: int
    variables: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        environ = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **more}
        self.process = subprocess.Popen(self.command, env=environ, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{self.port}", aws_access_key_id="any",
            aws_secret_access_key="any", region_name="us-east-1",
        )  # fmt: skip

    def objects(self) -> dict[str, bytes]:
        """All objects of the dataset, by their names in it, as another client fetches them."""
        client, prefix = self.client(), URL.removeprefix("s3://bucket/") + "/"
        listed = client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
        keys = [one["Key"] for page in listed for one in page.get("Contents", ())]
        return {
            key.removeprefix(prefix): client.get_object(Bucket="bucket", Key=key)["Body"].read()
            for key in keys
        }

    def has(self, name: str) -> bool:
        try:
            self.client().head_object(Bucket="bucket", Key=f"some/bolts/{name}")
        except ClientError:
            return False
        return True


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def machine(folder: Path) -> dict[str, str]:
    """The environment of a machine with a cache of its own, but for what is compiled."""
    cache = folder / "render"
    cache.mkdir(parents=True)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    (cache / "kernels").symlink_to(base / "render" / "kernels")
    return {"XDG_CACHE_HOME": str(folder)}


def served(command: tuple[str, ...], port: int, cache: Path) -> Iterator[Server]:
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = Server(command, port, variables | machine(cache))
    server.start()
    server.client().create_bucket(Bucket="bucket")
    yield server
    server.kill()


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[Server]:
    """An S3 server that others wrote, which keeps its objects in memory."""
    pytest.importorskip("moto.server", reason="moto is not installed (extra `test`)")
    port = free_port()
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    yield from served(command, port, tmp_path / "cache")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Server]:
    """One that keeps them on disk, for what is killed."""
    (tmp_path / "objects").mkdir()
    port = free_port()
    script = str(ROOT / "tests" / "s3_server.py")
    command = (sys.executable, script, str(tmp_path / "objects"), str(port))
    yield from served(command, port, tmp_path / "cache")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same dataset in a folder."""
    folder = tmp_path_factory.mktemp("plain")
    render(*LOOK, "output_dir=data", cwd=folder)
    return folder / "data"


def begun(module: str, *args: str, server: Server, **more: str) -> subprocess.Popen[str]:
    # What this process has found its packages with, the command finds them with too.
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", module, *args],
        cwd=Path(server.variables["XDG_CACHE_HOME"]),
        env=environment() | server.variables | {"PYTHONPATH": paths} | more,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def said(process: subprocess.Popen[str], code: int = 0) -> str:
    out, errors = process.communicate(timeout=300)
    assert process.returncode == code, out + errors
    return out + errors


def run(*words: str, server: Server, code: int = 0, **more: str) -> str:
    words = (*SMALL, *LOOK, f"output_dir={URL}", *words)
    return said(begun("render.run", *words, server=server, **more), code)


def command(module: str, *args: str, server: Server, code: int = 0) -> str:
    return said(begun(f"render.{module}", *args, server=server), code)


def check_equal(found: dict[str, bytes], plain: Path) -> None:
    """These are the files of the folder, byte for byte, and no other ones."""
    there = files_of(plain)
    assert found.keys() == there.keys()
    described = [yaml.safe_load(files.pop("dataset.yaml")) for files in (found, there)]
    assert found == there
    for one in described:  # it says where and how it was rendered
        for key in ("output_dir", "workers", "frames", "log", "execution", "shard"):
            one["config"].pop(key, None)
        one.pop("run_config_sha256")
    assert described[0] == described[1]


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in bytes_of(folder)}


def until(process: subprocess.Popen[str], server: Server, name: str) -> None:
    """Waits until a run has put an object."""
    deadline = time.monotonic() + 120
    while not server.has(name):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def spool_of(server: Server) -> list[Path]:
    return list(Path(server.variables["XDG_CACHE_HOME"]).glob("render/spool/*"))


def test_a_dataset_in_a_store_is_that_of_a_folder_and_all_commands_read_it(
    moto: Server, plain: Path
) -> None:
    told = run(server=moto)

    assert f"preview     {URL}/preview.jpg" in told
    check_equal(moto.objects(), plain)
    assert spool_of(moto) == []
    assert "is whole and exact: 40 frames" in command("verify", URL, "--render", "1", server=moto)
    assert "complete    yes" in command("status", URL, server=moto)
    assert "equals the stored one, byte for byte" in command("replay", URL, "17", server=moto)
    assert f"drawn       {URL}/coverage.png" in command("coverage", URL, server=moto)
    assert moto.has("coverage.png")
    # What is no longer as it was written is found, and so is what is foreign or gone.
    client = moto.client()
    client.put_object(Bucket="bucket", Key="some/bolts/images/train/00000000.jpg", Body=b"torn")
    client.put_object(Bucket="bucket", Key="some/bolts/images/notes.txt", Body=b"mine")
    client.delete_object(Bucket="bucket", Key="some/bolts/records/instances-000002.parquet")
    problems = command("verify", URL, server=moto, code=1)
    assert (
        "images/train/00000000.jpg: frame 0: its bytes are not those that were recorded" in problems
    )
    assert "images/notes.txt: does not belong here" in problems
    assert "records/instances-000002.parquet: is missing" in problems


def test_a_server_that_is_killed_and_started_anew_costs_a_run_its_time_alone(
    disk: Server, plain: Path
) -> None:
    process = begun(
        "render.run", *SMALL, *LOOK, f"output_dir={URL}", "log=json", server=disk
    )  # fmt: skip
    until(process, disk, ENTRY.format(0))
    disk.kill()
    assert process.stderr is not None
    for line in process.stderr:
        if '"store_retried"' in line:
            break
    disk.start()

    said(process)

    check_equal(disk.objects(), plain)


def test_a_run_that_is_killed_continues_and_draws_what_was_half_there(
    disk: Server, plain: Path, tmp_path: Path
) -> None:
    process = begun("render.run", *SMALL, *LOOK, f"output_dir={URL}", server=disk)
    until(process, disk, ENTRY.format(0))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    # Elsewhere nobody can know that it was killed.
    other = machine(tmp_path / "elsewhere")
    told = run(server=disk, code=1, **other)
    assert (
        f"error: {URL} must be written by one process at a time, and process {process.pid}" in told
    )
    assert re.search(r"one that was killed counts as gone in \d+ s", told)
    status = json.loads(command("status", URL, "--json", server=disk))
    assert status["writers"][0]["pid"] == process.pid
    assert 16 <= status["done"] < FRAMES
    # A shard whose upload was cut off: files of it are there, its entry is not.
    disk.client().delete_object(Bucket="bucket", Key=f"some/bolts/{ENTRY.format(0)}")
    told = run("workers=2", server=disk)

    assert disk.has(ENTRY.format(0))
    check_equal(disk.objects(), plain)
    # All is there: nothing is drawn by anybody.
    assert "40 were there already" in run(server=disk, **other)


def test_parts_of_two_machines_and_the_last_one_completes(
    disk: Server, plain: Path, tmp_path: Path
) -> None:
    other = machine(tmp_path / "elsewhere")
    words = (*SMALL, *LOOK, f"output_dir={URL}")
    parts = [
        begun("render.run", *words, "frames=[0,16]", server=disk),
        begun("render.run", *words, "frames=[16,40]", server=disk, **other),
    ]
    told = [said(process) for process in parts]

    assert any(f"preview     {URL}/preview.jpg" in one for one in told)
    check_equal(disk.objects(), plain)


def test_what_a_store_holds_is_not_thrown_away(moto: Server) -> None:
    few = ("n_frames=16",)
    run(*few, server=moto)
    before = moto.objects()

    told = run(*few, "seed=1", server=moto, code=1)
    assert f"{URL} holds another dataset (config.seed: 0 there, 1 here)" in told
    told = run("n_frames=8", server=moto, code=1)
    assert f"n_frames must be at least 16, as it was for what is in {URL} so far, got 8" in told
    told = run(*few, "overwrite=true", server=moto, code=1)
    assert f"overwrite must be false where output_dir is in a store: delete {URL}" in told
    told = run("output_dir=s3://bucket/some", server=moto, code=1)
    assert "output_dir must be an empty place or hold the dataset to continue" in told

    assert moto.objects() == before


def test_stores_that_cannot_be_used_are_told_before_a_frame_is_drawn(moto: Server) -> None:
    told = run("output_dir=s3://no-bucket/bolts", server=moto, code=1)
    assert (
        "error: s3://no-bucket/bolts cannot be written: The specified bucket does not exist" in told
    )
    nobody = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")
    told = run(server=moto, code=1, AWS_EC2_METADATA_DISABLED="true", **nobody)
    assert f"error: {URL} cannot be written: no rights: Unable to locate credentials" in told
    moto.kill()
    told = run(server=moto, code=1)
    assert f"error: {URL} cannot be written: Could not connect to the endpoint URL" in told
    # All but the first request must be signed by somebody who is known.
    moto.start(INITIAL_NO_AUTH_ACTION_COUNT="1")
    moto.client().create_bucket(Bucket="bucket")
    told = run(server=moto, code=1)
    assert f"error: {URL} cannot be written: no rights: " in told


def test_all_ways_of_execution_make_the_same_files(
    disk: Server, plain: Path, tmp_path: Path
) -> None:
    """By hand, by Ray, by submitit, and by hand into a store."""
    pytest.importorskip("ray", reason="Ray is not installed (extra `ray`)")
    pytest.importorskip("submitit", reason="submitit is not installed (extra `submitit`)")
    shards = [("execution=shard", f"shard.index={i}", "shard.count=2") for i in range(2)]
    ways = {
        "shard": shards,
        "ray": [("execution=ray",)],
        "submitit": [("execution=submitit", "execution.cluster=local")],
    }
    for name, commands in ways.items():
        (tmp_path / name).mkdir()
        for words in commands:
            render(*LOOK, "output_dir=data", *words, cwd=tmp_path / name)
        check_equal(files_of(tmp_path / name / "data"), plain)
    for words in shards:
        run(*words, server=disk)
    check_equal(disk.objects(), plain)
