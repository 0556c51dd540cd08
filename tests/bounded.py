"""What reading a file costs: the peak of memory of a process of its own, and what it says."""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Outcome", "outcomes"]

_ROOT = Path(__file__).parent.parent
_LIMIT_BYTES = 6 * 2**30  # of the process, so that a test that fails takes no machine down


@dataclass(frozen=True)
class Outcome:
    """What came of one file.

    Attributes:
        error: Name and text of the error; empty where the file was read.
        peak_mb: The most memory that was held meanwhile, beyond what was held before.

    """

    error: str
    peak_mb: float


def outcomes(reader: str, paths: Sequence[Path]) -> dict[str, Outcome]:
    """Reads files one after the other in one new process, and tells what came of each by its name.

    Args:
        reader: ``module:function``; the function takes the path of a file.
        paths: The files.

    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", __name__, reader, *map(str, paths)],
        cwd=_ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {path.name: Outcome(*one) for path, one in zip(paths, told, strict=True)}


def _memory_kb(key: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(key))


def _outcome(read: Any, path: Path) -> Outcome:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before, error = _memory_kb("VmRSS"), ""
    try:
        read(path)
    except Exception as raised:  # noqa: BLE001  the test looks at what it is
        error = f"{type(raised).__name__}: {raised}"
    return Outcome(error, (_memory_kb("VmHWM") - before) / 1024)


def _main(reader: str, *paths: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_LIMIT_BYTES, _LIMIT_BYTES))
    module, _, name = reader.partition(":")
    read = getattr(importlib.import_module(module), name)
    for path in map(Path, paths):
        one = _outcome(read, path)
        sys.stdout.write(json.dumps([one.error, one.peak_mb]) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
