"""BLAS in one thread, whatever the machine."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Final

from render.system.environment_variables import environment_variables

__all__ = ["BLAS_THREADS", "one_blas_thread"]

BLAS_THREADS: Final = "OPENBLAS_NUM_THREADS"
"""What OpenBLAS reads of the environment when it is loaded."""

_Read = Callable[[], int]
_Tell = Callable[[int], object]

_MAPS = Path("/proc/self/maps")
# NumPy's and SciPy's copies have names of their own, with 64-bit indices or without.
_PREFIXES, _SUFFIXES = ("scipy_openblas", "openblas"), ("64_", "")


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Lets OpenBLAS work in one thread meanwhile; also works as a decorator.

    It splits long sums among its threads: another number of them, another last bit, and frames
    must not depend on the machine's cores. Copies that are loaded are told so, those that are
    loaded meanwhile find it in the environment; afterwards all is as it was.
    """
    loaded = _loaded()
    counts = [read() for read, _ in loaded]
    for _, tell in loaded:
        tell(1)
    try:
        with environment_variables({BLAS_THREADS: "1"}):
            yield
    finally:
        for (_, tell), count in zip(loaded, counts, strict=True):
            tell(count)


def _loaded() -> list[tuple[_Read, _Tell]]:
    """How many threads each copy of OpenBLAS has that this process has loaded: read and tell."""
    try:
        lines = _MAPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[5] for line in lines if "openblas" in line}
    found = []
    for path in sorted(paths):
        try:
            library = ctypes.CDLL(path)
        except OSError:  # of a file that was deleted since
            continue
        for prefix, suffix in product(_PREFIXES, _SUFFIXES):
            read = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
            tell = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
            if read is not None and tell is not None:
                found.append((read, tell))
                break
    return found
