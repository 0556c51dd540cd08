"""What is worked out of a model: once, kept in the model, gone with it.

So nothing keeps a model, or what was made of it, beyond the library that loaded it, and the
library's bound holds for all of it together. Of large models it is kept on disk as well, and
mapped: what the system can take back at any time counts for nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, final

import numpy as np
from scipy.spatial import cKDTree

from render.system.memory_map import is_mapped, mapped, source_digest

__all__ = ["Derived", "on_disk_if_large", "per_model"]

_LARGE_FACES = 1_000_000

P = ParamSpec("P")
R = TypeVar("R")


@final
class Derived:
    """Results by what they were worked out with; never changes a result. Not for several threads.

    Attributes:
        n_bytes: Memory of the arrays in the results, but for those that are mapped.

    """

    def __init__(self) -> None:
        self.n_bytes = 0
        self._found: dict[tuple[object, ...], object] = {}

    def get(self, key: tuple[object, ...], work: Callable[[], R]) -> R:
        """What `work` gives, or gave before under an equal key."""
        if key not in self._found:
            result = work()
            self._found[key] = result
            self.n_bytes += _bytes_of(result)
        return cast(R, self._found[key])


class _HasDerived(Protocol):
    @property
    def derived(self) -> Derived: ...
    @property
    def sha256(self) -> str: ...
    @property
    def n_faces(self) -> int: ...


M = TypeVar("M", bound=_HasDerived)


def per_model(work: Callable[Concatenate[M, P], R]) -> Callable[Concatenate[M, P], R]:
    """Does the work once for each model and each set of further arguments.

    Args:
        work: A pure function of a model and hashable values; its result is shared, so not to be
            written to, and must not hold the model itself.

    """

    @functools.wraps(work)
    def once(model: M, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (work, args, *sorted(kwargs.items()))
        return model.derived.get(key, lambda: work(model, *args, **kwargs))

    return once


def on_disk_if_large(work: Callable[[M], R]) -> Callable[[M], R]:
    """Keeps the result for a model of many faces from one run to the next; goes under `per_model`.

    Args:
        work: A pure function of a model's file; its result is what `mapped` takes.

    """

    @functools.wraps(work)
    def kept(model: M, /) -> R:
        if not model.sha256 or model.n_faces < _LARGE_FACES:
            return work(model)
        name = f"{work.__module__}.{work.__qualname__}"
        return mapped(f"{name} {model.sha256} {source_digest()}", lambda: work(model))

    return kept


def _bytes_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return 0 if is_mapped(value) else value.nbytes
    if isinstance(value, cKDTree):
        return int(value.data.nbytes) + 2 * int(value.indices.nbytes)  # and nodes: about as much
    if isinstance(value, Mapping):
        return sum(map(_bytes_of, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(_bytes_of, value))
    if is_dataclass(value):
        return sum(_bytes_of(getattr(value, f.name)) for f in fields(value))
    return 0
