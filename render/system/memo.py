"""Memoised functions of a model: their results lie in the model and go with it.

So nothing holds a model, or a result, beyond the library that loaded it, and the library's bound
holds for all of it together. Results for large models go to the disk cache as well and are
mapped: memory that the system can take back at any time is not counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, final

import numpy as np

from render.system.disk_cache import cached, source_digest
from render.system.memory_map import is_mapped

__all__ = ["Memo", "on_disk_from", "on_disk_if_large", "per_model"]

_LARGE_FACES = 1_000_000

P = ParamSpec("P")
R = TypeVar("R")


@final
class Memo:
    """Results of functions by their arguments; it saves time and changes no result.

    Not for several threads.

    Attributes:
        n_bytes: Memory of the arrays in the results, without those that are mapped.

    """

    def __init__(self) -> None:
        self.n_bytes = 0
        self._results: dict[tuple[object, ...], object] = {}

    def get(self, key: tuple[object, ...], work: Callable[[], R]) -> R:
        """Returns what `work` returns, or returned before under an equal key."""
        if key not in self._results:
            result = work()
            self._results[key] = result
            self.n_bytes += _bytes_of(result)
        return cast(R, self._results[key])


class _HasMemo(Protocol):
    @property
    def memo(self) -> Memo: ...
    @property
    def sha256(self) -> str: ...
    @property
    def n_faces(self) -> int: ...


M = TypeVar("M", bound=_HasMemo)


def per_model(work: Callable[Concatenate[M, P], R]) -> Callable[Concatenate[M, P], R]:
    """Does the work once for each model and each set of further arguments.

    Args:
        work: A pure function of a model and hashable values; its result is shared, so not to be
            written to, and must not hold the model itself.

    """

    @functools.wraps(work)
    def once(model: M, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (work, args, *sorted(kwargs.items()))
        return model.memo.get(key, lambda: work(model, *args, **kwargs))

    return once


def on_disk_if_large(work: Callable[[M], R]) -> Callable[[M], R]:
    """Puts the results for models of a million faces and more into the disk cache.

    Args:
        work: As `on_disk_from` takes it.

    """
    return on_disk_from(None)(work)


def on_disk_from(n_faces: int | None) -> Callable[[Callable[[M], R]], Callable[[M], R]]:
    """Puts the results for models of that many faces and more into the disk cache; None: a million.

    What it returns decorates a pure function of a model's file, below `per_model`; its result is
    what `render.system.disk_cache.cached` takes.
    """

    def on_disk(work: Callable[[M], R]) -> Callable[[M], R]:
        @functools.wraps(work)
        def cached_work(model: M, /) -> R:
            least = _LARGE_FACES if n_faces is None else n_faces
            if not model.sha256 or model.n_faces < least:
                return work(model)
            name = f"{work.__module__}.{work.__qualname__}"
            return cached(f"{name} {model.sha256} {source_digest()}", lambda: work(model))

        return cached_work

    return on_disk


def _bytes_of(value: Any) -> int:
    """Memory of the arrays in a result."""
    if isinstance(value, np.ndarray):
        return 0 if is_mapped(value) else value.nbytes
    if hasattr(value, "n_bytes"):  # it holds what is no array
        return int(value.n_bytes)
    if isinstance(value, Mapping):
        return sum(map(_bytes_of, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(_bytes_of, value))
    if is_dataclass(value):
        return sum(_bytes_of(getattr(value, f.name)) for f in fields(value))
    return 0
