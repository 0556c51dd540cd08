"""From what the config holds for a leaf to a distribution, checked in every respect."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from render.errors import ConfigError
from render.sampling.arguments import Arguments, because, fail, near, show
from render.sampling.distribution import DISTRIBUTIONS, AbstractDistribution, Drawable, Vector
from render.sampling.distributions.by_category import ByCategory
from render.sampling.distributions.by_material import ByMaterial
from render.sampling.distributions.constant import Constant
from render.sampling.patterns import match_names
from render.sampling.schema import Leaf, Value
from render.system import values
from render.system.registry import PLUGIN_HINT

__all__ = ["fitting", "parse"]


def fitting(leaf: Leaf) -> tuple[str, ...]:
    """Names of the distributions that can stand at a leaf (of a vector: as a whole)."""
    return tuple(word for word, kind in DISTRIBUTIONS.items() if leaf.kind in kind.kinds)


def parse(
    value: Any,
    leaf: Leaf,
    name: str,
    *,
    catalog: Sequence[str] = (),
    categories: Mapping[str, str] | None = None,
    even: Mapping[str, Sequence[str]] | None = None,
    required: bool = True,
) -> Drawable:
    """Reads a plain value or a distribution in list form.

    Args:
        value: Plain containers, as YAML gives them.
        leaf: What is allowed.
        name: ``group.leaf``, for messages.
        catalog: For a ``pattern``: the names it chooses among. A glob stands for all it
            matches, which share its weight evenly.
        categories: Category of each model, by name.
        even: For a ``pattern`` of models: the categories that targets of each can have. Those
            that a glob matches share its weight evenly, and in each of them its models.
        required: For a ``pattern``: whether it must match; if not, "" is drawn instead.

    Raises:
        ConfigError: ``<name> must <rule>, got <value>``.

    """
    if leaf.kind == "vector" and _is_list(value) and not (value and isinstance(value[0], str)):
        return _vector(value, leaf, name)
    if leaf.kind == "by_category" and value is not None:
        return _by_category(value, leaf, name, tuple(sorted(set((categories or {}).values()))))
    if leaf.kind == "by_material":
        return _by_material(value, leaf, name, catalog)
    if isinstance(value, Mapping):
        fail(name, _form_rule(leaf), value)
    if not _is_list(value):
        distribution: AbstractDistribution = Constant(_plain(value, leaf, name))
    else:
        distribution = _distribution(value, leaf, name)
    if leaf.kind == "pattern":
        return _expand(distribution, name, catalog, leaf.catalog if required else "", even)
    return distribution


def _form_rule(leaf: Leaf) -> str:
    return f"be a value or a list that begins with one of {', '.join(fitting(leaf))}"


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _plain(value: Any, leaf: Leaf, name: str) -> Value:
    return Arguments(word="", given=(value,), leaf=leaf, name=name).item(value)


def _distribution(value: Sequence[Any], leaf: Leaf, name: str) -> AbstractDistribution:
    """A list that begins with the name of a distribution."""
    known = tuple(DISTRIBUTIONS)
    word, given = (value[0], value[1:]) if value else (None, ())
    if word not in known:
        hint = near(word, known) if difflib.get_close_matches(str(word), known) else ""
        if not hint and leaf.kind in ("pattern", "choice"):
            hint = "; to draw one of several, write [choice, a, b]"
        elif not hint and isinstance(word, str):
            hint = PLUGIN_HINT
        fail(name, _form_rule(leaf), value, hint)
    if word not in fitting(leaf):
        of_components = "; each component can have its own" if leaf.kind == "vector" else ""
        fail(name, f"be drawn with {' or '.join(fitting(leaf))}", value, of_components)
    arguments = Arguments(word=word, given=tuple(given), leaf=leaf, name=name)
    try:
        distribution = DISTRIBUTIONS[word].parsed(arguments)
        if distribution.bounds is not None:
            values.check_range(*distribution.bounds, leaf.lo, leaf.hi)
    except ValueError as error:
        raise ConfigError(f"{name} must {error}, got {show(value)}{because(leaf)}") from error
    return distribution


def _vector(value: Sequence[Any], leaf: Leaf, name: str) -> Constant | Vector:
    if len(value) not in leaf.length:
        fail(name, f"be a list of {leaf.lengths} numbers or distributions", value)
    component = Leaf(kind="number", lo=leaf.lo, hi=leaf.hi, why=leaf.why)
    parts = tuple(parse(v, component, f"{name}[{i}]") for i, v in enumerate(value))
    scalars = tuple(component for part in parts for component in part.components)
    if all(part.is_constant for part in scalars):
        return Constant(tuple(float(part.ppf(0.0)) for part in scalars))  # type: ignore[arg-type]
    return Vector(scalars)


def _by_category(
    value: Any, leaf: Leaf, name: str, categories: Sequence[str]
) -> AbstractDistribution | ByCategory:
    """A list of ``{category, size_m}``."""
    if not _is_list(value) or not all(
        isinstance(entry, Mapping) and set(entry) == {"category", "size_m"} for entry in value
    ):
        fail(name, "be a list of {category: NAME, size_m: NUMBER}", value)
    number = Leaf(kind="number", lo=leaf.lo, hi=leaf.hi)
    entries: dict[str, AbstractDistribution] = {}
    for entry in value:
        category = entry["category"]
        if category not in categories:
            fail(name, "name categories of models", category, near(category, categories))
        if category in entries:
            fail(name, "name each category once", value)
        size = parse(entry["size_m"], number, f"{name}.{category}")
        (entries[category],) = size.components
    return ByCategory(tuple(entries.items()))


def _by_material(value: Any, leaf: Leaf, name: str, catalog: Sequence[str]) -> Drawable:
    """A list of ``{material, ...}``; names of files in it are of `catalog`."""
    entries: dict[str, tuple[tuple[str, Drawable], ...]] = {}
    known = {"material", *leaf.parts}
    for entry in value if _is_list(value) else [value]:
        material = entry.get("material") if _is_list(value) and isinstance(entry, Mapping) else None
        if not material or not isinstance(material, str) or not known.issuperset(entry):
            rule = f"be a list of {{material: NAME, ...}} with some of {', '.join(leaf.parts)}"
            fail(name, rule, value)
        if material in entries:
            fail(name, "name each material once", value)
        entries[material] = tuple(
            (key, parse(entry[key], leaf.parts[key], f"{name}.{material}.{key}", catalog=catalog))
            for key in leaf.parts
            if key in entry
        )
    return ByMaterial(tuple(entries.items())) if entries else Constant(())


def _expand(
    patterns: AbstractDistribution,
    name: str,
    catalog: Sequence[str],
    needed: str,
    categories: Mapping[str, Sequence[str]] | None,
) -> AbstractDistribution:
    """Patterns become the names they match, each with an even share of the weight.

    Where `categories` are given, first the categories share it, then the names of each.
    """
    found: dict[Value, list[tuple[Value, float]]] = {None: [(None, 1.0)]}
    for pattern in patterns.support or ():
        if pattern is None:
            continue
        matches = match_names(str(pattern), catalog)
        if not matches:
            if not needed:
                return Constant("")
            hint = (
                near(pattern, catalog)
                if catalog
                else f"; assets.{needed}_dir holds none that can be read"
            )
            fail(name, f"match one of the {needed}", pattern, hint)
        found[pattern] = _shares(matches, categories)
    expanded = patterns.matching(found.__getitem__)
    names = expanded.support or ()
    return Constant(names[0]) if len(names) == 1 and not expanded.n_levels else expanded


def _shares(
    names: tuple[Value, ...], categories: Mapping[str, Sequence[str]] | None
) -> list[tuple[Value, float]]:
    """The share of each name, adding up to 1."""
    if categories is None:
        return [(n, 1.0 / len(names)) for n in names]
    of_names = {n: categories.get(str(n), ("",)) for n in names}
    sizes = Counter(category for n in names for category in of_names[n])
    return [(n, sum(1.0 / (len(sizes) * sizes[c]) for c in of_names[n])) for n in names]
