"""How many cores this process may use: its affinity, and the CPU quota of its container."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

__all__ = ["cpu_quota", "usable_cores"]

_MOUNT = Path("sys/fs/cgroup")

_Reader = Callable[[Path], float | None]


def usable_cores() -> int:
    """Cores of the affinity mask, or the quota rounded up where that is less; at least 1."""
    cores, quota = len(os.sched_getaffinity(0)), cpu_quota(Path("/"))
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpu_quota(root: Path) -> float | None:
    """How many cores' time the cgroups of this process grant it; None where there is no limit.

    A group has no more than the groups above it, so the least of them counts. In a container
    the path of the group is often that of the host and leads nowhere; its own limit is then
    where the tree is mounted, which is looked at last.

    Args:
        root: What holds ``proc/self/cgroup`` and ``sys/fs/cgroup``, of version 1 or 2 or both
            (proc(5), cgroups(7); Linux, Documentation/admin-guide/cgroup-v2.rst, "CPU", and
            Documentation/scheduler/sched-bwc.rst).

    """
    quotas = [
        quota
        for mount, path, read in _groups(root)
        for folder in (path, *path.parents)
        if (quota := read(mount / folder.relative_to("/"))) is not None
    ]
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[tuple[Path, PurePosixPath, _Reader]]:
    """Where trees with a CPU controller are mounted, this process's group in each, its reader."""
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, name = line.split(":", 2)
        # A group outside of this cgroup namespace is named /../elsewhere.
        path = PurePosixPath("/") if ".." in PurePosixPath(name).parts else PurePosixPath(name)
        if not controllers:
            yield root / _MOUNT, path, _quota_v2
            yield root / _MOUNT / "unified", path, _quota_v2
        elif "cpu" in controllers.split(","):
            for folder in dict.fromkeys((controllers, "cpu")):
                yield root / _MOUNT / folder, path, _quota_v1


def _quota_v2(group: Path) -> float | None:
    quota, _, period = (_text(group / "cpu.max") or "max 100000").partition(" ")
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(group: Path) -> float | None:
    quota = int(_text(group / "cpu.cfs_quota_us") or -1)
    period = int(_text(group / "cpu.cfs_period_us") or 0)
    return quota / period if quota > 0 and period > 0 else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
