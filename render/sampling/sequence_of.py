"""The sequence that a config asks for, with the leaves that it is spread over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from render.errors import ConfigError
from render.sampling.arguments import show
from render.sampling.axes import OCCLUSION, SIZES, Find, axes_of
from render.sampling.distribution import Drawable
from render.sampling.groups import GROUPS
from render.sampling.leaf_draws import PRESET, GroupDraw
from render.sampling.schema import Leaf
from render.sampling.sequences import (
    MOST_COMPONENTS,
    SAMPLINGS,
    AbstractSequence,
    Grid,
    LatinHypercube,
    Random,
    Sobol,
    Stratified,
    sobol_dimension,
)

__all__ = ["finder", "sequence_of"]

_PRESET_LEAF_IDX = 31
# Sobol's dimensions are even two by two, but not any four of them: by their own positions these
# would leave half of the bins of view direction x size x occlusion empty for ever. With the first
# two, those of the direction, the last of that group fill each bin once in 512 frames.
_DIMENSIONS_OF_AXES = {**dict.fromkeys(SIZES, 29), OCCLUSION: 30}


def sequence_of(sampling: str, seed: int, groups: Sequence[GroupDraw]) -> AbstractSequence:
    """How random numbers are spread over the frames.

    Args:
        sampling: One of `SAMPLINGS`.
        seed: The run's.
        groups: What is drawn.

    Raises:
        ConfigError: There is no such sequence.

    """
    if sampling == "random":
        return Random(seed)
    if sampling == "sobol":
        return Sobol(seed, _sobol_dimensions())
    if sampling == "lhs":
        return LatinHypercube(seed)
    if sampling == "grid":
        return Grid(seed, _grid_levels(groups))
    if sampling == "stratified":
        return Stratified(seed, [(axis.leaf, axis.n_bins) for axis in axes_of(finder(groups))])
    raise ConfigError(f"sampling must be one of {', '.join(SAMPLINGS)}, got {show(sampling)}")


def finder(groups: Sequence[GroupDraw]) -> Find:
    """Looks up what a leaf is drawn from under each preset."""

    def find(group: str, leaf: str) -> list[Drawable]:
        variants = next(g.variants.values() for g in groups if g.group == group)
        return [d.distribution for leaves in variants for d in leaves if d.field == leaf]

    return find


def _sobol_dimensions() -> dict[str, int]:
    """The dimension of every leaf there is, so that nothing depends on which of them vary."""
    dimensions: dict[str, int] = {}
    for group_idx, (group, schema) in enumerate(GROUPS.items()):
        dimensions[f"{group}.{PRESET}"] = sobol_dimension(group_idx, _PRESET_LEAF_IDX)
        for leaf_idx, f in enumerate(fields(schema)):
            spec: Leaf = f.metadata["leaf"]
            n = min(max(spec.length, default=1), MOST_COMPONENTS) if spec.scope == "frame" else 0
            for i in range(n):
                name = f"{group}.{f.name}" + (f"[{i}]" if i else "")
                dimensions[name] = sobol_dimension(group_idx, leaf_idx, i)
    return dimensions | _DIMENSIONS_OF_AXES


def _grid_levels(groups: Sequence[GroupDraw]) -> tuple[tuple[str, int], ...]:
    """Names with levels, in the order of groups and schemas; the longest of all presets."""
    levels: dict[str, int] = {}
    for group in groups:
        heads = (group.preset,) if group.preset is not None else ()
        for leaves in (heads, *group.variants.values()):
            for leaf in leaves:
                for name, n in leaf.levels:
                    levels[name] = max(n, levels.get(name, 0))
    return tuple(levels.items())
