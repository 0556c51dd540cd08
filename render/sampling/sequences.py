"""Where the numbers u in [0, 1) come from that distributions turn into values.

Under every sequence the numbers of frame i depend on (seed, i, name) alone: the number
of frames is no input, so a shorter run is a prefix of a longer one, and any frame can be
drawn without the ones before it.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import final

from render.sampling.streams import key_bits, stream, uniform

__all__ = [
    "LHS_BLOCK",
    "MOST_COMPONENTS",
    "SAMPLINGS",
    "AbstractSequence",
    "Grid",
    "LatinHypercube",
    "Random",
    "Sobol",
    "Stratified",
    "sobol_dimension",
]

SAMPLINGS = ("random", "sobol", "lhs", "grid", "stratified")
LHS_BLOCK = 256
_DIMENSIONS_PER_GROUP = 32
MOST_COMPONENTS = 10
_DIMENSIONS_PER_COMPONENT = 2048  # room for 64 groups; scipy knows 21,201 dimensions
# The sum of a slice's number and u is rounded, and must not round into the next slice, or to 1.
_WITHIN = 1 - 2.0**-40
_MASK = 0xFFFFFFFF
_REVERSED_BYTE = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


class AbstractSequence(abc.ABC):
    """Gives each leaf of each frame its number u."""

    @abc.abstractmethod
    def u(self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None) -> float:
        """The number in [0, 1) of one draw.

        Args:
            frame_idx: Zero-based index of the frame in the run.
            name: ``group.leaf``; further components of vectors are ``group.leaf[1]``, ...
            attempt: How many draws of this frame were rejected before.
            instance: Which target, distractor or light; None for leaves drawn once.

        """

    @abc.abstractmethod
    def u_level(
        self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None
    ) -> float:
        """The number in [0, 1) of one draw of a leaf that holds ``levels``."""


@final
@dataclass(frozen=True)
class Random(AbstractSequence):
    """Independent numbers."""

    seed: int

    def u(self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None) -> float:
        return uniform(self.seed, frame_idx, name, instance or 0, attempt)

    def u_level(
        self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None
    ) -> float:
        return self.u(frame_idx, name, attempt, instance)


@final
@dataclass(frozen=True, eq=False)
class Sobol(AbstractSequence):
    """Sobol points with a nested (Owen) scramble per leaf, keyed by the leaf's name.

    The first 2**k frames, and each later block of 2**k, have exactly one frame in each of
    2**k equal slices of every leaf. Covers leaves that are drawn once a frame, of vectors
    the first ten components, at their first attempt; all else is as `Random`. Points are
    computed from their index, in the Gray-code order that scipy gives them.

    Attributes:
        seed: Seed of the run.
        dimensions: Sobol dimension of each name; see `sobol_dimension`.

    """

    seed: int
    dimensions: Mapping[str, int]
    _columns: Mapping[str, tuple[int, ...]] = field(init=False, repr=False)
    _keys: Mapping[str, tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # scipy keeps its direction numbers private; a test holds them against its points.
        # At use: scipy.stats takes longer to import than a frame to render.
        from scipy.stats import qmc

        engine = qmc.Sobol(max(self.dimensions.values(), default=0) + 1, scramble=False, bits=32)
        columns = {
            name: tuple(_reverse_bits(int(v)) for v in engine._sv[dimension])
            for name, dimension in self.dimensions.items()
        }
        keys = {name: key_bits(self.seed, f"sobol/{name}", 6) for name in self.dimensions}
        object.__setattr__(self, "_columns", columns)
        object.__setattr__(self, "_keys", keys)

    def u(self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None) -> float:
        if attempt or instance is not None or name not in self.dimensions:
            return uniform(self.seed, frame_idx, name, instance or 0, attempt)
        bits = _scramble(self.reversed_point(frame_idx, name), self._keys[name])
        return _reverse_bits(bits) * 2.0**-32

    def u_level(
        self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None
    ) -> float:
        return self.u(frame_idx, name, attempt, instance)

    def reversed_point(self, frame_idx: int, name: str) -> int:
        """The point before scrambling: 32 bits, the lowest of which is worth one half."""
        bits = 0
        gray = frame_idx ^ (frame_idx >> 1)
        for column in self._columns[name]:
            if not gray:
                break
            if gray & 1:
                bits ^= column
            gray >>= 1
        return bits


@final
@dataclass(frozen=True)
class LatinHypercube(AbstractSequence):
    """Blocks of 256 frames, each with one frame in each 256th of every leaf's range.

    A run that is no multiple of 256 long ends within a block, and is only there no longer
    evenly spread. Covers leaves that are drawn once a frame, at their first attempt; all
    else is as `Random`.
    """

    seed: int

    def u(self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None) -> float:
        u = uniform(self.seed, frame_idx, name, instance or 0, attempt)
        if attempt or instance is not None:
            return u
        block, slot = divmod(frame_idx, LHS_BLOCK)
        return (_permutation(self.seed, block, name)[slot] + min(u, _WITHIN)) / LHS_BLOCK

    def u_level(
        self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None
    ) -> float:
        return self.u(frame_idx, name, attempt, instance)


@final
@dataclass(frozen=True, eq=False)
class Grid(AbstractSequence):
    """Goes through all combinations of the leaves with ``levels``; all else is as `Random`.

    Frames are ordered as nested loops: the first leaf changes slowest, the last fastest.
    After the last combination it begins again. The level of a frame is the same for all
    its targets, distractors or lights, and at all attempts, so that a combination that is
    hard to realise is not lost from the dataset.

    Attributes:
        seed: Seed of the run.
        n_levels: Names with levels and how many, in the order of the loops.

    """

    seed: int
    n_levels: Sequence[tuple[str, int]]
    _radix: Mapping[str, tuple[int, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_radix", _radix(self.n_levels)[0])

    def u(self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None) -> float:
        return uniform(self.seed, frame_idx, name, instance or 0, attempt)

    def u_level(
        self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None
    ) -> float:
        stride, n = self._radix[name]
        return (frame_idx // stride % n + 0.5) / n


@final
@dataclass(frozen=True, eq=False)
class Stratified(AbstractSequence):
    """Visits every combination of slices of some leaves once in each block of frames.

    A stratum is one of the slices, equal in u, of each leaf. A block has as many frames as there
    are strata and comes to them in an order of its own. The stratum of a frame is the same at
    all attempts, so that one that is hard to realise is not lost from the dataset; u within it
    is random. All other leaves are as `Random`.

    Attributes:
        seed: Seed of the run.
        n_slices: Names of leaves that are drawn once a frame, and how many slices of each.

    """

    seed: int
    n_slices: Sequence[tuple[str, int]]
    n_strata: int = field(init=False)
    _radix: Mapping[str, tuple[int, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        radix, stride = _radix(self.n_slices)
        object.__setattr__(self, "n_strata", stride)
        object.__setattr__(self, "_radix", radix)

    def u(self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None) -> float:
        u = uniform(self.seed, frame_idx, name, instance or 0, attempt)
        if instance is not None or name not in self._radix:
            return u
        block, slot = divmod(frame_idx, self.n_strata)
        stride, n = self._radix[name]
        idx = _order(self.seed, block, self.n_strata)[slot] // stride % n
        return (idx + min(u, _WITHIN)) / n

    def u_level(
        self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None
    ) -> float:
        return self.u(frame_idx, name, attempt, instance)


def sobol_dimension(group_idx: int, leaf_idx: int, component: int = 0) -> int:
    """The Sobol dimension of a leaf: fixed by its position, so that leaves added later, at the
    end of a schema or in a new group, change no other.

    Args:
        group_idx: Position of the group in `render.theta.GROUPS`, below 64.
        leaf_idx: Position of the leaf in its schema, below 31; 31 is the group's preset.
        component: Index within a vector, below 10.

    """
    return component * _DIMENSIONS_PER_COMPONENT + group_idx * _DIMENSIONS_PER_GROUP + leaf_idx


def _scramble(bits: int, key: tuple[int, ...]) -> int:
    """A random nested permutation: each bit is flipped by a function of the lower ones.

    Sums, products with odd numbers and ``x ^= x * even`` never carry information from a
    bit to a lower one; bits are in reversed order, so slices of the range stay slices.
    """
    add, even_a, odd_a, even_b, odd_b, even_c = key
    bits = (bits + add) & _MASK
    bits ^= bits * (even_a & ~1) & _MASK
    bits = bits * (odd_a | 1) & _MASK
    bits ^= bits * (even_b & ~1) & _MASK
    bits = (bits * (odd_b | 1) + even_a) & _MASK
    return bits ^ (bits * (even_c & ~1) & _MASK)


def _reverse_bits(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "little").translate(_REVERSED_BYTE), "big")


def _radix(digits: Sequence[tuple[str, int]]) -> tuple[dict[str, tuple[int, int]], int]:
    """Stride and number of each digit, the last of which changes fastest; and all there are."""
    radix: dict[str, tuple[int, int]] = {}
    stride = 1
    for name, n in reversed(digits):
        radix[name] = (stride, n)
        stride *= n
    return radix, stride


@lru_cache(maxsize=64)
def _order(seed: int, block: int, n_strata: int) -> tuple[int, ...]:
    return tuple(stream(seed, block, "stratified/order").permutation(n_strata).tolist())


@lru_cache(maxsize=1024)
def _permutation(seed: int, block: int, name: str) -> bytes:
    return bytes(stream(seed, block, f"lhs/{name}").permutation(LHS_BLOCK).tolist())
