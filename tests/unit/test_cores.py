"""CPU quotas as kernels, container engines and systemd write them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from render.system.cores import cpu_quota, usable_cores
from tests.conftest import ROOT

V1_LINES = """\
12:memory:{group}
11:cpuset:{group}
4:cpu,cpuacct:{group}
1:name=systemd:{group}
"""
HYBRID_LINES = V1_LINES + "0::/\n"


def tree(folder: Path, cgroup: str, files: dict[str, str]) -> Path:
    """A root with /proc/self/cgroup and files under /sys/fs/cgroup."""
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        path = folder / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000\n", None),
        ("150000 100000\n", 1.5),
        ("50000 100000\n", 0.5),
        ("1600000 100000\n", 16.0),
        ("20000 10000\n", 2.0),
    ],
)
def test_version_2_in_a_container(text: str, expected: float | None, tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/\n", {"cpu.max": text, "cgroup.controllers": "cpuset cpu io\n"})

    assert cpu_quota(root) == expected


def test_version_2_the_least_of_all_groups_above_counts(tmp_path: Path) -> None:
    # A service of systemd: the slice has a quota, the unit asks for more than that.
    root = tree(
        tmp_path,
        "0::/system.slice/render.slice/render.service\n",
        {
            "system.slice/cpu.max": "max 100000\n",
            "system.slice/render.slice/cpu.max": "250000 100000\n",
            "system.slice/render.slice/render.service/cpu.max": "800000 100000\n",
        },
    )

    assert cpu_quota(root) == 2.5


@pytest.mark.parametrize("name", ["/kubepods/burstable/pod0/c0", "/../../kubepods/pod0", "/"])
def test_version_2_path_of_the_host_leads_nowhere(name: str, tmp_path: Path) -> None:
    root = tree(tmp_path, f"0::{name}\n", {"cpu.max": "300000 100000\n"})

    assert cpu_quota(root) == 3.0


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize(("quota", "expected"), [("-1", None), ("250000", 2.5), ("40000", 0.4)])
def test_version_1(mount: str, quota: str, expected: float | None, tmp_path: Path) -> None:
    # Docker without a cgroup namespace: the host's path in /proc, the container's own files.
    root = tree(
        tmp_path,
        V1_LINES.format(group="/docker/3f2a"),
        {f"{mount}/cpu.cfs_quota_us": f"{quota}\n", f"{mount}/cpu.cfs_period_us": "100000\n"},
    )

    assert cpu_quota(root) == expected


def test_version_1_group_and_the_one_above(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/batch/cpu.cfs_quota_us": "150000\n",
        "cpu,cpuacct/batch/cpu.cfs_period_us": "50000\n",
        "cpu,cpuacct/batch/job/cpu.cfs_quota_us": "400000\n",
        "cpu,cpuacct/batch/job/cpu.cfs_period_us": "100000\n",
    }

    assert cpu_quota(tree(tmp_path, V1_LINES.format(group="/batch/job"), files)) == 3.0


def test_both_versions_at_once(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "unified/cgroup.procs": "1\n",
    }

    assert cpu_quota(tree(tmp_path, HYBRID_LINES.format(group="/"), files)) == 2.0


def test_no_cgroups_at_all(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert cpu_quota(tree(tmp_path / "v2", "0::/\n", {"cgroup.controllers": "memory\n"})) is None


def test_this_machine_and_a_narrower_affinity() -> None:
    here = usable_cores()
    code = "from render.system.cores import usable_cores; print(usable_cores())"
    core = min(os.sched_getaffinity(0))
    pinned = subprocess.run(
        ["taskset", "-c", str(core), sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert 1 <= here <= len(os.sched_getaffinity(0))
    assert int(pinned.stdout) == 1
