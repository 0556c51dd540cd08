"""Where compiled kernels are kept: what is trusted, what is damaged, what cannot be written.

Each case is a process of its own, with a few tiny kernels and a cache of its own.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

_KERNELS = """
import logging

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

from render.kernels.compiled import kept_code, kernel


@kernel
def one(x): return x + 1.0

@kernel
def two(x): return x + 2.0

@kernel
def three(x): return x + 3.0

@kernel
def four(x): return x + 4.0

@kernel
def _plus_five(x): return x + 5.0

@kernel
def five(x): return _plus_five(x)


if __name__ == "__main__":
    kernels = one, two, three, four, five
    print(*(f(1.0) for f in kernels))
    print(*(sum(f.stats.cache_hits.values()) for f in kernels))
    print(kept_code())
"""
_ANSWERS = "2.0 3.0 4.0 5.0 6.0"
_COMPILED, _LOADED = "0 0 0 0 0", "1 1 1 1 1"


class Told:
    """What a process that used the kernels printed."""

    def __init__(self, folder: Path, prelude: str = "", **variables: str) -> None:
        script = folder / "tiny.py"
        script.write_text(_KERNELS)
        # As a user would, whose shell says nothing to Numba.
        mine = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
        there = mine | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
        code = f"{prelude}\nimport runpy\nrunpy.run_path({str(script)!r}, run_name='__main__')"
        done = subprocess.run(
            [sys.executable, "-c", code], env=there | variables, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        self.answers, self.hits, self.kept = done.stdout.splitlines()
        self.log = done.stderr


def test_compiled_once_and_then_loaded(tmp_path: Path) -> None:
    first, then = Told(tmp_path), Told(tmp_path)

    assert (first.answers, first.hits) == (_ANSWERS, _COMPILED)
    assert first.log.count("WARNING compiling kernels for this machine: once") == 1
    assert (then.answers, then.hits, then.log) == (_ANSWERS, _LOADED, "")
    assert Path(then.kept).stat().st_mode & 0o777 == 0o700
    assert not list(Path(then.kept).glob("tiny._*"))  # kept within what calls it


def test_what_is_damaged_or_foreign_is_compiled_and_written_again(tmp_path: Path) -> None:
    kept = Path(Told(tmp_path).kept)
    codes = {name: next(kept.glob(f"tiny.{name}-*.nbc")) for name in ("one", "two", "three")}
    indices = {name: next(kept.glob(f"tiny.{name}-*.nbi")) for name in ("four", "five")}
    codes["one"].write_bytes(codes["one"].read_bytes()[: codes["one"].stat().st_size // 2])
    codes["two"].write_bytes(b"")
    codes["three"].write_bytes(pickle.dumps({"of": "another program"}))
    indices["four"].write_bytes(indices["four"].read_bytes()[:-20])
    indices["five"].write_bytes(os.urandom(400))

    damaged, mended = Told(tmp_path), Told(tmp_path)

    assert (damaged.answers, damaged.hits) == (_ANSWERS, _COMPILED)
    assert (mended.answers, mended.hits, mended.log) == (_ANSWERS, _LOADED, "")


@pytest.mark.parametrize("which", ["kernels", "cache"])
def test_nothing_is_loaded_from_a_folder_that_others_can_write_to(
    tmp_path: Path, which: str
) -> None:
    kept = Path(Told(tmp_path).kept)
    open_to_all = kept if which == "kernels" else tmp_path / "cache"
    open_to_all.chmod(0o777)

    told = Told(tmp_path)

    assert (told.answers, told.hits, told.kept) == (_ANSWERS, _COMPILED, "None")
    assert told.log.count("WARNING kernels are compiled anew by each process, because ") == 1
    assert f"can be written to by others at {open_to_all}\n" in told.log


def test_folder_of_another_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    kept = Path(Told(tmp_path).kept)
    os.chown(kept, 12345, -1)

    told = Told(tmp_path)

    assert (told.answers, told.hits) == (_ANSWERS, _COMPILED)
    assert f"belongs to another user at {kept}\n" in told.log


def test_no_folder_to_keep_kernels_in(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    told = Told(tmp_path)

    assert (told.answers, told.hits, told.kept) == (_ANSWERS, _COMPILED, "None")
    assert told.log.count("WARNING") == 1
    assert f"{tmp_path / 'cache/render/kernels'}" in told.log
    assert "cannot be made (Not a directory)" in told.log


def test_full_disk(tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"

    told, then = Told(tmp_path, full), Told(tmp_path)

    assert told.answers == _ANSWERS
    assert told.log.count("WARNING compiled kernels cannot be kept in ") == 1
    assert f"{told.kept}: File too large\n" in told.log
    assert not [*Path(told.kept).rglob("*.tmp.*")]
    assert (then.answers, then.hits) == (_ANSWERS, _COMPILED)


def test_each_cpu_has_kernels_of_its_own(tmp_path: Path) -> None:
    native = Told(tmp_path)
    bare = Told(tmp_path, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")

    assert (bare.answers, bare.hits) == (_ANSWERS, _COMPILED)
    assert bare.kept != native.kept


def test_numba_is_missing_or_does_not_go_with_the_rest(tmp_path: Path) -> None:
    stub = tmp_path / "numba.py"
    refusal = "Numba needs NumPy 2.4 or less. Got NumPy 9.0."
    for text, reason in (
        (f"raise ImportError({refusal!r})", refusal),
        ("raise ModuleNotFoundError(\"No module named 'numba'\")", "No module named 'numba'"),
    ):
        stub.write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "render.run", f"output_dir={tmp_path / 'data'}", "n_frames=1",
             "engine=cpu"],
            env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("error: Numba 0.61 or newer")
        assert reason in line
        assert f"python {sys.version.split()[0]}, numba " in line
        assert "numpy " in line


def test_code_of_other_versions_is_deleted_in_the_end(tmp_path: Path) -> None:
    others = [tmp_path / "cache/render/kernels" / f"version{k}" for k in range(10)]
    for k, folder in enumerate(others):
        folder.mkdir(mode=0o700, parents=True)
        os.utime(folder, (k, k))

    kept = Path(Told(tmp_path).kept)

    assert set(kept.parent.iterdir()) == {kept, *others[3:]}
