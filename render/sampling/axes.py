"""View direction, size and occlusion in bins: what `stratified` fills and coverage counts.

Bins are intervals of the number u that a leaf is drawn with, so how probable each is follows
from the config alone: of a continuous distribution all are equally so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from render.errors import ConfigError
from render.sampling.arrangement import ARRANGEMENTS
from render.sampling.distribution import AbstractDistribution, Drawable
from render.sampling.groups import GROUPS
from render.sampling.leaf_draws import FROM_PRESET, PRESET, parse_preset
from render.sampling.parse import parse

__all__ = [
    "DIRECTION",
    "OCCLUSION",
    "SIZES",
    "Axis",
    "Find",
    "axes_of",
    "finder",
    "leaves_by_preset",
]

DIRECTION = ("viewpoint.azimuth_deg", "viewpoint.elevation_deg")
# In this order: of the first that is asked the others take no part.
SIZES = ("scale.distance_m", "scale.size_px", "scale.size_frac")
OCCLUSION = "occlusion.occluded_fract"
_MOST_BINS: Mapping[str, int] = {
    DIRECTION[0]: 8,
    DIRECTION[1]: 4,
    **dict.fromkeys(SIZES, 4),
    OCCLUSION: 4,
}

# What a leaf is drawn from under each preset, by group and leaf.
Find = Callable[[str, str], Sequence[Drawable]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One leaf, cut into bins.

    Attributes:
        leaf: ``group.leaf``.
        distribution: What it is drawn from.
        u_edges: ``n_bins + 1`` numbers from 0 to 1, rising: bin i is drawn with u in
            ``[u_edges[i], u_edges[i + 1])``.

    """

    leaf: str
    distribution: AbstractDistribution
    u_edges: tuple[float, ...]

    @property
    def n_bins(self) -> int:
        """How many bins there are, at least one."""
        return len(self.u_edges) - 1

    def share(self, idx: int) -> float:
        """How probable a bin is."""
        return self.u_edges[idx + 1] - self.u_edges[idx]

    def bin_of(self, value: float) -> int:
        """The bin of a value that was achieved; what lies beyond the ends is in the last."""
        atoms = _atoms(self.distribution)
        if atoms is None:
            return bisect_right(self._inner, value)
        nearest = min(range(len(atoms)), key=lambda i: abs(atoms[i][0] - value))
        begin = atoms[nearest - 1][1] if nearest else 0.0
        return bisect_right(self.u_edges[1:-1], (begin + atoms[nearest][1]) / 2)

    def text(self, idx: int) -> str:
        """Its values, for people: ``10 to 25``, or ``10, 30`` of listed ones."""
        atoms = _atoms(self.distribution)
        if atoms is not None:
            return ", ".join(f"{value:.4g}" for value, _ in atoms if self.bin_of(value) == idx)
        ends = self.distribution.bounds or (0.0, 0.0)
        lo = ends[0] if idx == 0 else self._at(self.u_edges[idx])
        hi = ends[1] if idx == self.n_bins - 1 else self._at(self.u_edges[idx + 1])
        return f"{lo:.3g} to {hi:.3g}"

    @cached_property
    def _inner(self) -> list[float]:
        """Values between bins of a continuum."""
        return [self._at(u) for u in self.u_edges[1:-1]]

    def _at(self, u: float) -> float:
        value = self.distribution.ppf(u)
        assert isinstance(value, int | float)  # `axes_of` takes leaves that are numbers
        return value


def axes_of(find: Find) -> tuple[Axis, ...]:
    """View direction, size and occlusion, as far as a config lets them vary.

    An axis is a leaf that every preset draws from the same distribution of numbers. Left out
    are those that are constant or can be null, and those that take no part because the camera
    stands where it was calibrated, or an arrangement settles them.
    """
    settled: set[str] = set()
    if any(d.support != (None,) for d in find("camera", "T_world_cam")):
        settled.update(DIRECTION, SIZES)
    for distribution in find("objects", "arrangement"):
        for name in distribution.support or ():
            settled |= ARRANGEMENTS[str(name)].settles
    asked = (name for name in SIZES if any(d.support != (None,) for d in _of(find, name)))
    names = [n for n in (*DIRECTION, *list(asked)[:1], OCCLUSION) if n not in settled]
    return tuple(axis for name in names if (axis := _axis(name, _of(find, name))) is not None)


def finder(config: Mapping[str, Any]) -> Find:
    """Looks leaves up in a resolved config; unlike θ as a whole it needs no files.

    Raises:
        ConfigError: When it is called, if a leaf is missing or breaks a rule.

    """

    def find(group: str, leaf: str) -> tuple[Drawable, ...]:
        spec = GROUPS[group].__dataclass_fields__[leaf].metadata["leaf"]
        nodes = [*leaves_by_preset(config, group).values()]
        if any(leaf not in node for node in nodes):
            raise ConfigError(f"{group}.{leaf} must be set, got nothing")
        return tuple(parse(node[leaf], spec, f"{group}.{leaf}") for node in nodes)

    return find


def leaves_by_preset(config: Mapping[str, Any], group: str) -> dict[str, Mapping[str, Any]]:
    """The leaves of a group of a resolved config by the preset that is drawn.

    Of a group that is no mixture they stand under an empty name.

    Raises:
        ConfigError: It is a mixture of what are no presets.
        KeyError: The config lacks the group, or what one of its presets sets.

    """
    node = config[group]
    if PRESET not in node:
        return {"": node}
    own = {key: value for key, value in node.items() if value != FROM_PRESET}
    names = map(str, parse_preset(group, node[PRESET]).support or ())
    return {name: {**config["presets"][group][name], **own} for name in names}


def _of(find: Find, name: str) -> Sequence[Drawable]:
    group, _, leaf = name.partition(".")
    return find(group, leaf)


def _axis(name: str, distributions: Sequence[Drawable]) -> Axis | None:
    first = distributions[0]
    if any(d != first for d in distributions):
        return None
    if first.bounds is None or first.bounds[0] == first.bounds[1]:
        return None
    (drawn,) = first.components
    n, atoms = _MOST_BINS[name], _atoms(drawn)
    if atoms is None:
        return Axis(leaf=name, distribution=drawn, u_edges=tuple(i / n for i in range(n + 1)))
    if len({value for value, _ in atoms}) < len(atoms):
        return None  # a value that is listed twice is no interval of u
    edges, begin, bins = [0.0], 0.0, [0]
    for _, end in atoms:
        # Each value goes where its middle lies; so bins hold whole values.
        bins.append(min(int((begin + end) / 2 * n), n - 1))
        if len(bins) > 2 and bins[-1] != bins[-2]:
            edges.append(begin)
        begin = end
    return Axis(leaf=name, distribution=drawn, u_edges=(*edges, 1.0))


def _atoms(distribution: AbstractDistribution) -> list[tuple[float, float]] | None:
    """Listed values in the order of u, each with the u at which it ends; None of a continuum."""
    support = distribution.support
    if support is None:
        return None
    return [(float(value), end) for value, end in zip(support, distribution.ends)]  # type: ignore[arg-type]
