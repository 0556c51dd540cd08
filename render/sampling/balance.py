"""What is settled for the dataset as a whole, from the frame's index alone.

Nothing here counts what was rendered: workers share no counters, a shorter run is a prefix of a
longer one, and a frame that is drawn anew keeps its part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from render.sampling.streams import key_bits, stream
from render.sampling.top_up import TopUp

__all__ = ["Balance", "WholeDataset", "is_in_share"]

# Members of a low-discrepancy sequence are mixed within blocks of this many, so that what
# stands together in one frame is left to chance.
_BLOCK = 64
_SPAN = 1024
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def is_in_share(idx: int, share: float) -> bool:
    """Whether the floor rule, which spreads a share evenly, counts the idx-th in, from 0."""
    return math.floor((idx + 1) * share) > math.floor(idx * share)


@dataclass(frozen=True, eq=False, kw_only=True)
class WholeDataset:
    """What is asked of all frames together.

    Attributes:
        categories: Category of each model, by the model's name.
        states: States that are categories in place of that of their model, by its name.
        balance: Draw models so that over the dataset the weights of ``objects.model`` are met,
            and the categories that a glob matches come equally often.
        negatives_fract: Share of the frames that show no target.
        val_fraction: Share of validation frames; each split has its share of negatives.
        top_ups: Frames that were added for thin bins; each shows a target.
        models_of: By the name of an arrangement that chooses them itself: the models of the
            targets of each frame.

    """

    categories: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, Sequence[str]] = field(default_factory=dict)
    balance: bool = False
    negatives_fract: float = 0.0
    val_fraction: float = 0.0
    models_of: Mapping[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)
    top_ups: Sequence[TopUp] = ()

    @property
    def labelled(self) -> dict[str, Sequence[str]]:
        """The categories that targets of each model can have."""
        return {name: self.states.get(name, (own,)) for name, own in self.categories.items()}

    def is_negative(self, frame_idx: int) -> bool:
        """Whether a frame shows no target.

        No frame that is added for thin bins is negative; each split has its share of the others.
        """
        if not self.negatives_fract:
            return False
        if any(entry.first_frame <= frame_idx < entry.end for entry in self.top_ups):
            return False
        n_val = math.floor(frame_idx * self.val_fraction)
        is_val = is_in_share(frame_idx, self.val_fraction)
        return is_in_share(n_val if is_val else frame_idx - n_val, self.negatives_fract)


@dataclass(eq=False)
class Balance:
    """Gives the n-th target of a dataset the number u that its model is drawn with.

    The numbers are multiples of the golden section (Kronecker's sequence): of the first n, the
    share that falls into any interval is off by about log(n) / n, where independent numbers
    are off by 1 / sqrt(n). So the weights of ``objects.model`` are met over the dataset.

    Attributes:
        seed: The run's.
        n_targets: Targets of each of some frames by their indices; must not depend on anything
            else.

    """

    seed: int
    n_targets: Callable[[range], Sequence[int]]
    # Targets before each span of frames; and, of the span that was asked for last, before each
    # of its frames. A hundred million frames would be some gigabytes one by one.
    _before_spans: list[int] = field(default_factory=lambda: [0])
    _span: int = 0
    _before: list[int] = field(default_factory=lambda: [0])

    def u(self, frame_idx: int, instance: int) -> float:
        """The number in [0, 1) of one target."""
        n = self._n_before(frame_idx) + instance
        block, slot = divmod(n, _BLOCK)
        begin, order = _begin(self.seed), _order(self.seed, block)
        return (begin + (block * _BLOCK + order[slot]) * _GOLDEN) % 1.0

    def _n_before(self, frame_idx: int) -> int:
        """How many targets all earlier frames have; each is counted once or twice."""
        span, slot = divmod(frame_idx, _SPAN)
        for i in range(len(self._before_spans) - 1, span):
            counts = self.n_targets(range(i * _SPAN, (i + 1) * _SPAN))
            self._before_spans.append(self._before_spans[i] + sum(counts))
        if span != self._span:
            self._span, self._before = span, [self._before_spans[span]]
        # Not beyond the frame: there may be none.
        for n in self.n_targets(range(span * _SPAN + len(self._before) - 1, frame_idx)):
            self._before.append(self._before[-1] + n)
        return self._before[slot]


@lru_cache(maxsize=64)
def _order(seed: int, block: int) -> tuple[int, ...]:
    """How the members of a block are mixed."""
    return tuple(stream(seed, block, "objects.model/order").permutation(_BLOCK).tolist())


@lru_cache(maxsize=1)
def _begin(seed: int) -> float:
    return key_bits(seed, "objects.model/begin", 1)[0] * 2.0**-32
