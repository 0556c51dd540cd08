"""What dataset.yaml must hold: each key with its rule, declared once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from render.system import values

__all__ = ["broken_rules", "missing_keys", "unknown_keys"]

_Rule = Callable[[Any], object]
"""Raises ValueError with what a value must do."""


def missing_keys(held: Mapping[str, Any]) -> list[str]:
    """Keys that the file must have and has not."""
    return [key for key in _RULES if key not in held and key not in _SINCE]


def unknown_keys(held: Mapping[str, Any]) -> list[str]:
    """Keys of the file, of its counts and of its models that none of its rules knows.

    Args:
        held: The file, which breaks no rule.

    """
    odd = [key for key in held if key not in {*_RULES, *_FREE}]
    parts: dict[str, tuple[list[Any], set[str]]] = {
        "counts": ([held["counts"]], {*_COUNTS, *_LATER_COUNTS}),
        "gl": ([held["gl"]], {*_GL}),
        "models": (held["models"], {"name", "sha256", *_MODEL, *_ANNOTATIONS}),
        "distractors": (held["distractors"], {"name", "sha256", *_DISTRACTOR}),
        "fixtures": (held["fixtures"], {"name", "sha256"}),
    }
    for name, (entries, known) in parts.items():
        odd += [f"{name}.{key}" for entry in entries for key in entry if key not in known]
    return sorted(map(str, odd))


def broken_rules(held: Mapping[str, Any]) -> Iterator[str]:
    """``<key> must <rule>, got <value>`` for each key that breaks its rule.

    Args:
        held: The file.

    """
    for key, rule in _RULES.items():
        if key not in held:
            continue
        try:
            _check(key, rule, held[key])
        except _BrokenError as error:
            yield f"{error.path} must {error}, got {repr(error.value)[:120]}"


class _BrokenError(ValueError):
    """The rule of a value within another one."""

    def __init__(self, path: str, rule: str, value: Any) -> None:
        super().__init__(rule)
        self.path = path
        self.value = value


def _check(step: str | int, rule: _Rule, value: Any) -> None:
    """Checks a value, and says of its rule where it stands.

    Raises:
        _BrokenError: It breaks it.

    """
    try:
        rule(value)
    except _BrokenError as error:
        raise _BrokenError(f"{step}.{error.path}", str(error), error.value) from None
    except ValueError as error:
        raise _BrokenError(str(step), str(error), value) from None


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("be a mapping")
    return value


def _of_each(rule: _Rule) -> _Rule:
    """A mapping of names to values of one kind."""

    def check(value: Any) -> None:
        for key, inner in _mapping(value).items():
            if not isinstance(key, str):
                raise ValueError("have texts for keys")
            _check(key, rule, inner)

    return check


def _with(rules: Mapping[str, _Rule], optional: Mapping[str, _Rule] | None = None) -> _Rule:
    """A mapping that has certain keys, and maybe others."""

    def check(value: Any) -> None:
        held = _mapping(value)
        for key, rule in rules.items():
            if key not in held:
                raise ValueError(f"hold {key}")
            _check(key, rule, held[key])
        for key, rule in (optional or {}).items():
            if key in held:
                _check(key, rule, held[key])

    return check


def _list(rule: _Rule) -> _Rule:
    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise ValueError("be a list")
        for i, inner in enumerate(value):
            _check(i, rule, inner)

    return check


def _numbers(length: int) -> _Rule:
    return partial(values.numbers, lengths=(length,), lo=-1e12, hi=1e12)


def _or_null(rule: _Rule) -> _Rule:
    def check(value: Any) -> None:
        if value is not None:
            rule(value)

    return check


def _text(value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError("be a text")


def _own_names(value: Any) -> None:
    _list(values.name)(value)
    if len(set(value)) < len(value):
        raise ValueError("name each once")


def _models(rules: Mapping[str, _Rule], optional: Mapping[str, _Rule] | None = None) -> _Rule:
    each = _list(_with({"name": values.name, "sha256": values.name, **rules}, optional))

    def check(value: Any) -> None:
        each(value)
        _own_names([entry["name"] for entry in value])

    return check


def _versions(value: Any) -> None:
    _of_each(values.name)(value)
    _with({"render": values.name})(value)


def _states(value: Any) -> None:
    """Names with one or more directions each."""
    _of_each(_list(_VECTOR))(value)
    if not value or not all(ups and all(map(any, ups)) for ups in value.values()):
        raise ValueError("have one or more directions each, none of them 0")


_count = partial(values.whole, lo=0, hi=2**62)
_share = partial(values.number, lo=0, hi=1)
_length = partial(values.number, lo=1e-12, hi=1e12)
_VECTOR = _numbers(3)
_SYMMETRIES = _with(
    {
        "discrete": _list(_numbers(16)),
        "continuous": _list(_with({"axis": _VECTOR, "offset": _VECTOR})),
    }
)
_ANNOTATIONS: Mapping[str, _Rule] = {
    "keypoints": _of_each(_VECTOR), "symmetries": _SYMMETRIES, "parts": _list(_text),
    "diameter": _length, "states": _states,
}  # fmt: skip
_REACHED: Mapping[str, _Rule] = {
    "labels": _count, "within": _count, "tolerance": values.number, "mean_error": values.number,
    "largest_error": values.number,
}  # fmt: skip
_FOLDERS = ("models_dir", "environments_dir", "backgrounds_dir", "textures_dir")
_LABELS: Mapping[str, _Rule] = {
    "obb": values.flag, "min_visib_fract": _share, "min_px": _count,
}  # fmt: skip
_STATES: Mapping[str, _Rule] = {
    "category": partial(values.option, options=("model", "state")),
    "state_tolerance_deg": _or_null(partial(values.number, lo=0, hi=180)),
    "categories": _or_null(_own_names),
}
_DISTRACTOR: Mapping[str, _Rule] = {"unit_m": _length}
_MODEL: Mapping[str, _Rule] = {"category": values.name, **_DISTRACTOR}
_GL: Mapping[str, _Rule] = {
    **dict.fromkeys(("renderer", "version", "vendor", "platform"), _text), "is_gpu": values.flag,
}  # fmt: skip
_COUNTS: Mapping[str, _Rule] = {
    **dict.fromkeys(("frames", "train", "val"), _count),
    **dict.fromkeys(("instances", "filtered"), _of_each(_count)),
}
_LATER_COUNTS: Mapping[str, _Rule] = dict.fromkeys(("left_out", "unplaced"), _of_each(_count))
_RULES: Mapping[str, _Rule] = {
    "format_version": partial(values.whole, lo=1, hi=math.inf),
    "config": _with(
        {"assets": _mapping, "labels": _with(_LABELS, _STATES), "output": _mapping},
        {"negatives_fract": _share, "engine": _mapping},
    ),
    "asset_dirs": _with(dict.fromkeys(_FOLDERS, values.name)),
    "models": _models(_MODEL, _ANNOTATIONS),
    "config_sha256": _text,
    "seed": _count,
    "n_frames": partial(values.whole, lo=1, hi=10**8 - 1),  # file names have eight digits
    "shard_frames": partial(values.whole, lo=1, hi=10**8 - 1),
    "val_fraction": _share,
    "versions": _versions,
    "gl": _with({"renderer": _text, "version": _text}, _GL),
    "depth_unit_m": _length,
    "categories": _own_names,
    "distractors": _models(_DISTRACTOR),
    "fixtures": _list(_with({"name": values.name, "sha256": values.name})),
    "counts": _with(_COUNTS, _LATER_COUNTS),
    "rejections": _of_each(_count),
    "reached": _of_each(_with(_REACHED)),
    "output": _mapping,
}
_FREE = {"run_config_sha256", "top_ups"}  # keys that others look at
_SINCE = {"format_version", "shard_frames"}  # keys that the first version did not write
