"""Leaves of θ and how each is drawn: parsed, checked, one set for each preset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from render.errors import ConfigError
from render.sampling.arguments import near, show
from render.sampling.distribution import AbstractDistribution, Drawable
from render.sampling.groups import GROUPS
from render.sampling.parse import parse
from render.sampling.rules import check_group
from render.sampling.schema import Leaf, Scope, Value
from render.sampling.sequences import (
    AbstractSequence,
)
from render.sampling.steps import holds_steps, step_leaves

__all__ = [
    "FROM_PRESET",
    "MODEL",
    "PRESET",
    "GroupDraw",
    "LeafDraw",
    "Names",
    "PresetLoader",
    "build_group",
    "checked_group",
    "parse_preset",
]

FROM_PRESET = "from_preset"
PRESET = "preset"
# A leaf that names files matters, and must match one, where another leaf can have these values.
_NEEDED_IF: Mapping[tuple[str, str], tuple[str, tuple[Value, ...]]] = {
    ("background", "photo"): ("kind", ("photo",)),
    ("background", "environment"): ("kind", ("environment", "floor", "room", "tabletop")),
    ("background", "surface_texture"): ("kind", ("floor", "room", "tabletop")),
    ("material", "texture"): ("textured", (True,)),
    ("occlusion", "texture"): ("by", ("card",)),
    ("occlusion", "model"): ("by", ("model",)),
}
MODEL = ("objects", "model")

PresetLoader = Callable[[str, str], Mapping[str, Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Names:
    """What leaves can name.

    Attributes:
        catalogs: Files, sorted, by what they are.
        categories: Category of each model, by the model's name.
        even: Categories of each model that globs of `objects.model` weigh alike; None: models.

    """

    catalogs: Mapping[str, tuple[str, ...]]
    categories: Mapping[str, str]
    even: Mapping[str, Sequence[str]] | None


@dataclass(frozen=True, kw_only=True)
class LeafDraw:
    """A leaf and how it is drawn; one name, and so one number u, for each component."""

    field: str
    scope: Scope
    names: tuple[str, ...]
    distribution: Drawable

    def draw(
        self,
        sequence: AbstractSequence,
        frame_idx: int,
        attempt: int,
        instance: int | None,
        category: Callable[[], str] = str,
    ) -> Value:
        if self.is_constant:
            return self.distribution.components[0].ppf(0.0)
        d = self.distribution.of(category)
        key = (frame_idx, attempt, instance)
        parts = [draw_one(c, n, sequence, key) for c, n in zip(d.components, self.names)]
        return d.value_of(parts)

    @cached_property
    def is_constant(self) -> bool:
        """Whether every draw is the same; most leaves are."""
        d = self.distribution
        return isinstance(d, AbstractDistribution) and d.is_constant

    @property
    def levels(self) -> tuple[tuple[str, int], ...]:
        """Names that hold levels, and how many."""
        pairs = zip(self.names, self.distribution.components)
        return tuple((name, part.n_levels) for name, part in pairs if part.n_levels)


@dataclass(frozen=True, kw_only=True)
class GroupDraw:
    """A group: one set of leaves, or one for each preset that can be drawn."""

    group: str
    preset: LeafDraw | None
    variants: Mapping[str, tuple[LeafDraw, ...]]


def draw_one(
    distribution: AbstractDistribution,
    name: str,
    sequence: AbstractSequence,
    key: tuple[int, int, int | None],
) -> Value:
    """One value of a leaf.

    Args:
        distribution: What it is drawn from.
        name: Full name of the leaf, which is the name of its random numbers.
        sequence: How numbers are spread over the frames.
        key: Frame, attempt and instance; the last is None for a leaf that is drawn once a frame.

    """
    if distribution.is_constant:
        return distribution.ppf(0.0)
    frame_idx, attempt, instance = key
    source = sequence.u_level if distribution.n_levels else sequence.u
    return distribution.ppf(source(frame_idx, name, attempt, instance))


def checked_group(node: Any, group: str) -> Mapping[str, Any]:
    """The leaves of a group, which must be a mapping, by names that it knows.

    Raises:
        ConfigError: The node is something else.

    """
    if not isinstance(node, Mapping):
        raise ConfigError(f"{group} must be a preset of its group, got {show(node)}")
    for key in node:
        if key != PRESET and not holds_steps(group, key):
            _check_known(group, key)
    return node


def build_group(
    group: str,
    node: Mapping[str, Any],
    names: Names,
    presets: PresetLoader | None,
) -> GroupDraw:
    """What a group of the config is drawn from, with every leaf checked.

    Args:
        group: Name of the group.
        node: Its leaves; with the key ``preset`` it is a mixture of presets.
        names: What leaves can name.
        presets: Gives the leaves of a preset; needed for mixtures alone.

    Raises:
        ConfigError: A leaf is missing, unknown or breaks a rule.

    """
    if PRESET not in node:
        return GroupDraw(group=group, preset=None, variants={"": _build_leaves(group, node, names)})
    choice = parse_preset(group, node[PRESET])
    own = {k: v for k, v in node.items() if k != PRESET and v != FROM_PRESET}
    if presets is None:
        raise ConfigError(f"{group}.{PRESET} must not be used here: no presets are known")
    variants = {
        str(name): _build_leaves(group, {**presets(group, str(name)), **own}, names)
        for name in choice.support or ()
    }
    draw = LeafDraw(field=PRESET, scope="frame", names=(f"{group}.{PRESET}",), distribution=choice)
    return GroupDraw(group=group, preset=draw, variants=variants)


def parse_preset(group: str, value: Any) -> AbstractDistribution:
    """The choice of a mixture: names, which only the loader can tell to be right."""
    name = f"{group}.{PRESET}"
    (distribution,) = parse(value, Leaf(kind="choice"), name).components
    if "mixture" in (distribution.support or ()):
        raise ConfigError(f"{name} must name presets other than mixture, got {show(value)}")
    return distribution


def _build_leaves(group: str, node: Mapping[str, Any], names: Names) -> tuple[LeafDraw, ...]:
    specs: dict[str, Leaf] = {f.name: f.metadata["leaf"] for f in fields(GROUPS[group])}
    for key in node:
        if not holds_steps(group, key):
            _check_known(group, key)
    for key in specs:
        if key not in node:
            raise ConfigError(f"{group}.{key} must be set, got nothing")
        if node[key] == FROM_PRESET:
            raise ConfigError(
                f"{group}.{key} must be a value or a distribution, got {FROM_PRESET}, which "
                f"has a meaning in {group}=mixture alone"
            )
    parsed: dict[str, Drawable] = {}
    # Leaves that name files come last: whether they must match depends on the others.
    for key in sorted(specs, key=lambda k: specs[k].kind == "pattern"):
        spec = specs[key]
        needed = True
        if (group, key) in _NEEDED_IF:
            other, values = _NEEDED_IF[group, key]
            needed = any(v in (parsed[other].support or ()) for v in values)
        parsed[key] = parse(
            node[key],
            spec,
            f"{group}.{key}",
            catalog=names.catalogs[spec.catalog] if spec.catalog else (),
            categories=names.categories,
            even=names.even if (group, key) == MODEL else None,
            required=needed,
        )
    check_group(group, parsed)
    steps = step_leaves(node) if group == "sensor" else ()
    return (
        *(_leaf_draw(group, key, spec, parsed[key]) for key, spec in specs.items()),
        *(
            _leaf_draw(group, path, spec, parse(value, spec, f"{group}.{path}"))
            for path, spec, value in steps
        ),
    )


def _leaf_draw(group: str, key: str, spec: Leaf, distribution: Drawable) -> LeafDraw:
    names = tuple(f"{group}.{key}{suffix}" for suffix in distribution.suffixes)
    return LeafDraw(field=key, scope=spec.scope, names=names, distribution=distribution)


def _check_known(group: str, key: object) -> None:
    known = tuple(f.name for f in fields(GROUPS[group]))
    if key not in known:
        raise ConfigError(f"{group}.{key} must be a leaf of {group}{near(key, known)}")
