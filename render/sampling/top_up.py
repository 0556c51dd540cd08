"""Frames that were added to a dataset later, for the bins that were thin.

They are drawn from the dataset's own config, with the number u of some leaves held within the
bins. Their index says which frames they are, so each depends on (config, seed, index)
alone as all others do, where the dataset's list of top-ups counts as a part of its config.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, final

from render.errors import ConfigError
from render.sampling.sequences import AbstractSequence
from render.sampling.streams import uniform

__all__ = ["TopUp", "TopUpBin", "ToppedUp", "top_ups_of"]

# Draws of a frame that are tried in one bin, and bins that are tried, before any draw will do:
# a bin may be thin because it can hardly be realised.
_TRIES, _BINS_TRIED = 25, 3
_WITHIN = 1 - 2.0**-40  # rounding must not lead out of the bin


@dataclass(frozen=True, kw_only=True)
class TopUpBin:
    """One bin.

    Attributes:
        frames: How many are drawn in it, at least one.
        u: ``(lo, hi)`` for each leaf: it is drawn with u in ``[lo, hi)``.

    """

    frames: int
    u: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class TopUp:
    """Consecutive frames for some bins, those of the first bin first.

    Attributes:
        first_frame: Index of the first of them.
        seed: What u within the bins is drawn with.
        leaves: Names of the leaves that are held, each drawn once a frame.

    """

    first_frame: int
    seed: int
    leaves: tuple[str, ...]
    bins: tuple[TopUpBin, ...]

    @property
    def n_frames(self) -> int:
        """Frames of all bins."""
        return sum(b.frames for b in self.bins)

    @property
    def end(self) -> int:
        """Index of the frame behind the last."""
        return self.first_frame + self.n_frames

    def bin_of(self, frame_idx: int, attempt: int) -> TopUpBin | None:
        """The bin of one draw of a frame; None: any draw will do."""
        ends = list(accumulate(b.frames for b in self.bins))
        turn = attempt // _TRIES
        if turn >= _BINS_TRIED:
            return None
        idx = bisect_right(ends, frame_idx - self.first_frame)
        return self.bins[(idx + turn) % len(self.bins)]

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, for dataset.yaml and the manifest; `top_ups_of` reads them."""
        return {
            "first_frame": self.first_frame,
            "n_frames": self.n_frames,
            "seed": self.seed,
            "leaves": list(self.leaves),
            "bins": [{"frames": b.frames, "u": [list(ends) for ends in b.u]} for b in self.bins],
        }


@final
@dataclass(frozen=True, eq=False)
class ToppedUp(AbstractSequence):
    """Another sequence, but for the held leaves of frames that were added."""

    base: AbstractSequence
    top_ups: Sequence[TopUp]

    def u(self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None) -> float:
        held = self._held(frame_idx, name, attempt, instance)
        return self.base.u(frame_idx, name, attempt, instance) if held is None else held

    def u_level(
        self, frame_idx: int, name: str, attempt: int = 0, instance: int | None = None
    ) -> float:
        held = self._held(frame_idx, name, attempt, instance)
        return self.base.u_level(frame_idx, name, attempt, instance) if held is None else held

    def _held(self, frame_idx: int, name: str, attempt: int, instance: int | None) -> float | None:
        for entry in self.top_ups:
            if entry.first_frame <= frame_idx < entry.end:
                if instance is not None or name not in entry.leaves:
                    return None
                found = entry.bin_of(frame_idx, attempt)
                if found is None:
                    return None
                lo, hi = found.u[entry.leaves.index(name)]
                u = min(uniform(entry.seed, frame_idx, name, 0, attempt), _WITHIN)
                return lo + u * (hi - lo)
        return None


def top_ups_of(entries: Any) -> tuple[TopUp, ...]:
    """Reads what `TopUp.as_dict` gave, one entry for each top-up, in the order of frames.

    Raises:
        ConfigError: They are not such entries, or two of them have a frame in common.

    """
    rule = "top_ups must be a list of {first_frame, n_frames, seed, leaves, bins}"
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ConfigError(f"{rule}, got {entries!r}")
    found: list[TopUp] = []
    for entry in entries:
        try:
            one = _top_up_of(entry)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(f"{rule}, got an entry that is none ({reason})") from error
        if found and one.first_frame < found[-1].end:
            raise ConfigError(
                f"top_ups must come in the order of frames, and have none in common, got frame "
                f"{one.first_frame} behind a top-up that ends at {found[-1].end}"
            )
        found.append(one)
    return tuple(found)


def _top_up_of(entry: Mapping[str, Any]) -> TopUp:
    bins = tuple(
        TopUpBin(frames=int(b["frames"]), u=tuple((float(lo), float(hi)) for lo, hi in b["u"]))
        for b in entry["bins"]
    )
    one = TopUp(
        first_frame=int(entry["first_frame"]),
        seed=int(entry["seed"]),
        leaves=tuple(str(name) for name in entry["leaves"]),
        bins=bins,
    )
    if one.first_frame < 0 or any(b.frames < 1 or len(b.u) != len(one.leaves) for b in bins):
        raise ValueError("numbers of frames and of leaves")
    if any(not (0 <= lo < hi <= 1 and math.isfinite(hi)) for b in bins for lo, hi in b.u):
        raise ValueError("u lies in 0 to 1")
    if one.n_frames != entry["n_frames"] or not bins:
        raise ValueError("n_frames are those of its bins")
    return one
