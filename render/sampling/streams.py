"""Independent random numbers, keyed by what they are for and never by order of calls.

The key is (seed, frame, name, instance, attempt). Adding a leaf, a group, an instance or
a worker changes no number of any other key. BLAKE2b turns keys into numbers: it has no
state, is the same on every machine and version, and costs about a microsecond.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, cast, final

import numpy as np
from numpy.random.bit_generator import ISeedSequence

__all__ = ["key_bits", "stream", "uniform"]


def uniform(seed: int, frame_idx: int, name: str, instance: int = 0, attempt: int = 0) -> float:
    """One number in [0, 1), a multiple of 2**-53.

    Args:
        seed: Seed of the run.
        frame_idx: Zero-based index of the frame in the run.
        name: What the number is for, such as ``"viewpoint.azimuth_deg"``.
        instance: Which target, distractor or light.
        attempt: How many draws of this frame were rejected before.

    """
    key = f"u/{seed}/{frame_idx}/{instance}/{attempt}/{name}".encode()
    bits = int.from_bytes(blake2b(key, digest_size=8).digest(), "little")
    return (bits >> 11) * 2.0**-53


def stream(
    seed: int, frame_idx: int, name: str, instance: int = 0, attempt: int = 0
) -> np.random.Generator:
    """A generator of its own, for searches that need many numbers; arguments as `uniform`."""
    key = f"g/{seed}/{frame_idx}/{instance}/{attempt}/{name}".encode()
    # NumPy's annotations leave out the interface that it documents for this.
    words = cast("Any", _Key(blake2b(key, digest_size=16).digest()))
    return np.random.Generator(np.random.Philox(words))


def key_bits(seed: int, name: str, n_words: int) -> tuple[int, ...]:
    """Random 32-bit words that depend on seed and name alone, at most 16 of them."""
    digest = blake2b(f"k/{seed}/{name}".encode(), digest_size=4 * n_words).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, len(digest), 4))


@final
class _Key(ISeedSequence):
    """The key of a Philox generator; given as `key=`, NumPy asks the system for entropy first."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray[Any, Any]:
        return np.frombuffer(self._digest, "<u8")
