"""From what the config holds for a leaf to a distribution, checked in every respect."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from render.errors import ConfigError
from render.sampling import values
from render.sampling.distributions import (
    AbstractDistribution,
    Beta,
    ByCategory,
    Choice,
    Constant,
    Drawable,
    Integers,
    Levels,
    LogUniform,
    Normal,
    SinUniform,
    Uniform,
    Value,
    Vector,
)
from render.sampling.patterns import match_names
from render.sampling.schema import Leaf

__all__ = ["fitting", "near", "parse", "show"]

# How each is written. Those of numbers come first, those of listed values last.
_FORMS = {
    "uniform": (Uniform, ("lo", "hi")),
    "log_uniform": (LogUniform, ("lo", "hi")),
    "normal": (Normal, ("mean", "std", "lo", "hi")),
    "integers": (Integers, ("lo", "hi")),
    "sin_uniform": (SinUniform, ("lo", "hi")),
    "beta": (Beta, ("a", "b", "lo", "hi")),
}
_LISTED = ("choice", "levels")


def fitting(leaf: Leaf) -> tuple[str, ...]:
    """Names of the distributions that can stand at a leaf (of a vector: as a whole)."""
    if leaf.kind == "number":
        return (*_FORMS, *_LISTED)
    return ("integers", *_LISTED) if leaf.kind == "integer" else _LISTED


def parse(
    value: Any,
    leaf: Leaf,
    name: str,
    *,
    catalog: Sequence[str] = (),
    categories: Mapping[str, str] | None = None,
    even_categories: bool = False,
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
        even_categories: For a ``pattern`` of models: the categories that a glob matches share
            its weight evenly, and in each of them its models.
        required: For a ``pattern``: whether it must match; if not, "" is drawn instead.

    Raises:
        ConfigError: ``<name> must <rule>, got <value>``.

    """
    if leaf.kind == "vector" and _is_list(value) and not (value and isinstance(value[0], str)):
        return _vector(value, leaf, name)
    if leaf.kind == "by_category" and value is not None:
        return _by_category(value, leaf, name, tuple(sorted(set((categories or {}).values()))))
    if isinstance(value, Mapping):
        _fail(name, _form_rule(leaf), value)
    if not _is_list(value):
        distribution: AbstractDistribution = Constant(_item(value, leaf, name, value))
    else:
        distribution = _distribution(value, leaf, name)
    if leaf.kind == "pattern":
        parts = categories if even_categories else None
        return _expand(distribution, name, catalog, leaf.catalog if required else "", parts)
    return distribution


def near(word: object, known: Sequence[str], n_listed: int = 8) -> str:
    """The tail of a message: the name that was probably meant, or the first that exist."""
    matches = difflib.get_close_matches(str(word), known, n=3)
    if matches:
        return f"; did you mean {' or '.join(matches)}?"
    some = ", ".join(known[:n_listed]) + (", ..." if len(known) > n_listed else "")
    return f"; there are: {some}" if known and n_listed else ""


def show(value: Any) -> str:
    """A config value as one would write it in YAML."""
    if _is_list(value):
        return f"[{', '.join(show(v) for v in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value) if value != "" else "''"


def _fail(name: str, rule: str, value: Any, hint: str = "") -> NoReturn:
    raise ConfigError(f"{name} must {rule}, got {show(value)}{hint}")


def _form_rule(leaf: Leaf) -> str:
    return f"be a value or a list that begins with one of {', '.join(fitting(leaf))}"


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _distribution(value: Sequence[Any], leaf: Leaf, name: str) -> AbstractDistribution:
    """A list that begins with the name of a distribution."""
    known = (*_FORMS, *_LISTED)
    word, args = (value[0], value[1:]) if value else (None, ())
    if word not in known:
        hint = near(word, known) if difflib.get_close_matches(str(word), known) else ""
        if not hint and leaf.kind in ("pattern", "choice"):
            hint = "; to draw one of several, write [choice, a, b]"
        _fail(name, _form_rule(leaf), value, hint)
    if word not in fitting(leaf):
        of_components = "; each component can have its own" if leaf.kind == "vector" else ""
        _fail(name, f"be drawn with {' or '.join(fitting(leaf))}", value, of_components)
    if word in _LISTED:
        return _listed(word, args, leaf=leaf, name=name, shown=value)
    distribution = _numeric(word, args, name=name, shown=value)
    _check_domain(distribution.bounds, leaf, name, value)
    return distribution


def _numeric(
    word: str, args: Sequence[Any], *, name: str, shown: Sequence[Any]
) -> AbstractDistribution:
    kind, arg_names = _FORMS[word]
    if len(args) != len(arg_names):
        _fail(name, f"be written [{word}, {', '.join(arg_names)}]", shown)
    if not all(values.is_number(arg) for arg in args):
        _fail(name, f"have finite numbers after {word}", shown)
    if word == "integers":
        if not all(isinstance(arg, int) for arg in args):
            _fail(name, "have whole numbers after integers", shown)
    else:
        args = [float(arg) for arg in args]
    return _checked(lambda: kind(*args), name, shown)


def _listed(
    word: str, args: Sequence[Any], *, leaf: Leaf, name: str, shown: Any
) -> AbstractDistribution:
    if not args or (isinstance(args[0], Mapping) and not args[0]):
        _fail(name, f"have at least one value after {word}", shown)
    if not isinstance(args[0], Mapping):
        items = tuple(_item(arg, leaf, name, shown) for arg in args)
        if word == "levels":
            return Levels(items)
        return _checked(lambda: Choice(items, (1.0,) * len(items)), name, shown)
    if word == "levels" or len(args) > 1:
        _fail(name, f"be written [{word}, a, b] or [choice, {{a: 0.7, b: 0.3}}]", shown)
    pairs = [(_item(_key(k, leaf), leaf, name, shown), w) for k, w in args[0].items()]
    if not all(values.is_number(weight) for _, weight in pairs):
        _fail(name, "have finite numbers as weights", shown)
    # A mapping has no order: the same weights give the same frames however they are stored.
    pairs.sort(key=lambda pair: json.dumps(pair[0]))
    items = tuple(v for v, _ in pairs)
    return _checked(lambda: Choice(items, tuple(float(w) for _, w in pairs)), name, shown)


def _checked(
    make: Callable[[], AbstractDistribution], name: str, shown: Any
) -> AbstractDistribution:
    try:
        return make()
    except ValueError as error:
        raise ConfigError(f"{name} must {error}, got {show(shown)}") from error


def _key(key: Any, leaf: Leaf) -> Any:
    """A key of a mapping of weights; YAML and JSON may have made a string of it."""
    if leaf.kind == "pattern":
        return key if isinstance(key, str) else str(key)
    if not isinstance(key, str):
        return key
    if (key == "null" and leaf.nullable) or leaf.kind in ("number", "integer", "flag"):
        try:
            return json.loads(key.lower())
        except json.JSONDecodeError:
            return key
    return key


def _item(value: Any, leaf: Leaf, name: str, shown: Any) -> Value:
    """One plain value, checked; `shown` is what the message ends with."""
    if value is None and leaf.nullable:
        return None
    try:
        return _plain(value, leaf)
    except ValueError as error:
        rule = "not be null" if value is None else str(error)
    close = difflib.get_close_matches(str(value), leaf.options, n=1) if value else ()
    _fail(name, rule, shown, f"; did you mean {close[0]}?" if close else "")


def _plain(value: Any, leaf: Leaf) -> Value:
    if leaf.kind == "vector":
        return values.numbers(value, leaf.length, leaf.lo, leaf.hi)
    if leaf.kind == "number":
        return values.number(value, leaf.lo, leaf.hi)
    if leaf.kind == "integer":
        return values.whole(value, leaf.lo, leaf.hi)
    if leaf.kind == "flag":
        return values.flag(value)
    return values.option(value, leaf.options) if leaf.options else values.name(value)


def _vector(value: Sequence[Any], leaf: Leaf, name: str) -> Constant | Vector:
    if len(value) not in leaf.length:
        _fail(name, f"be a list of {_lengths(leaf)} numbers or distributions", value)
    component = Leaf(kind="number", lo=leaf.lo, hi=leaf.hi)
    parts = tuple(parse(v, component, f"{name}[{i}]") for i, v in enumerate(value))
    scalars = tuple(part for part in parts if isinstance(part, AbstractDistribution))
    if all(isinstance(part, Constant) for part in scalars):
        return Constant(tuple(float(part.ppf(0.0)) for part in scalars))  # type: ignore[arg-type]
    return Vector(scalars)


def _lengths(leaf: Leaf) -> str:
    return " or ".join(str(n) for n in leaf.length)


def _check_domain(bounds: tuple[float, float] | None, leaf: Leaf, name: str, shown: Any) -> None:
    if bounds is None:
        return
    try:
        values.check_range(*bounds, leaf.lo, leaf.hi)
    except ValueError as error:
        _fail(name, str(error), shown)


def _by_category(
    value: Any, leaf: Leaf, name: str, categories: Sequence[str]
) -> AbstractDistribution | ByCategory:
    """A list of ``{category, size_m}``."""
    if not _is_list(value) or not all(
        isinstance(entry, Mapping) and set(entry) == {"category", "size_m"} for entry in value
    ):
        _fail(name, "be a list of {category: NAME, size_m: NUMBER}", value)
    number = Leaf(kind="number", lo=leaf.lo, hi=leaf.hi)
    entries: dict[str, AbstractDistribution] = {}
    for entry in value:
        category = entry["category"]
        if category not in categories:
            _fail(name, "name categories of models", category, near(category, categories))
        if category in entries:
            _fail(name, "name each category once", value)
        size = parse(entry["size_m"], number, f"{name}.{category}")
        assert isinstance(size, AbstractDistribution)  # a number has no components
        entries[category] = size
    return ByCategory(tuple(entries.items()))


def _expand(
    patterns: AbstractDistribution,
    name: str,
    catalog: Sequence[str],
    needed: str,
    categories: Mapping[str, str] | None,
) -> AbstractDistribution:
    """Patterns become the names they match, each with an even share of the weight.

    Where `categories` are given, first the categories share it, then the names of each.
    """
    matches: dict[Value, tuple[Value, ...]] = {None: (None,)}
    for pattern in patterns.support or ():
        if pattern is None:
            continue
        matches[pattern] = match_names(str(pattern), catalog)
        if not matches[pattern]:
            if not needed:
                return Constant("")
            hint = near(pattern, catalog) if catalog else f"; assets.{needed}_dir is empty"
            _fail(name, f"match one of the {needed}", pattern, hint)
    if isinstance(patterns, Levels):
        every = (n for pattern in patterns.values for n in matches[pattern])
        return Levels(tuple(dict.fromkeys(every)))
    weights: dict[Value, float] = {}
    weighted = (
        [(v, w) for v, w in zip(patterns.values, patterns.weights, strict=True) if w > 0]
        if isinstance(patterns, Choice)
        else [(pattern, 1.0) for pattern in patterns.support or ()]
    )
    for value, weight in weighted:
        for n, share in _shares(matches[value], categories):
            weights[n] = weights.get(n, 0.0) + weight * share
    if len(weights) == 1:
        return Constant(next(iter(weights)))
    return Choice(tuple(weights), tuple(weights.values()))


def _shares(
    names: tuple[Value, ...], categories: Mapping[str, str] | None
) -> list[tuple[Value, float]]:
    """The share of each name, adding up to 1."""
    if categories is None:
        return [(n, 1.0 / len(names)) for n in names]
    sizes = Counter(categories.get(str(n), "") for n in names)
    return [(n, 1.0 / (len(sizes) * sizes[categories.get(str(n), "")])) for n in names]
