"""What a plain value may be: the one rule for the run config, the leaves of θ and side files.

Each function gives the value as the code wants it, or raises ValueError with what the value must
do, such as ``be a whole number``; the caller adds the name of the field and what it got.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

__all__ = [
    "check_range",
    "flag",
    "is_number",
    "is_text",
    "name",
    "names",
    "number",
    "numbers",
    "option",
    "read_number",
    "whole",
]


def is_number(value: Any) -> bool:
    """Whether it is a finite number that a float can hold; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300


def number(value: Any, lo: float = -math.inf, hi: float = math.inf) -> float:
    """A finite number in ``[lo, hi]``.

    Raises:
        ValueError: It is none, or lies outside.

    """
    if not is_number(value):
        raise ValueError("be a finite number")
    check_range(value, value, lo, hi)
    return float(value)


def read_number(value: Any, lo: float = -math.inf, hi: float = math.inf) -> float:
    """A finite number in ``[lo, hi]``, or a text of one: YAML 1.1 reads 1e-3, without a point, so.

    Raises:
        ValueError: It is none, or lies outside.

    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError("be a finite number") from None
    return number(value, lo, hi)


def whole(value: Any, lo: float = -math.inf, hi: float = math.inf) -> int:
    """A whole number in ``[lo, hi]``, written without a point.

    Raises:
        ValueError: It is none, or lies outside.

    """
    if not is_number(value) or not isinstance(value, int):
        raise ValueError("be a whole number")
    check_range(value, value, lo, hi)
    return value


def check_range(least: float, most: float, lo: float, hi: float) -> None:
    """All of ``[least, most]`` lies in ``[lo, hi]``.

    Raises:
        ValueError: Some of it lies outside, or an end is not a number.

    """
    if not lo <= least <= most <= hi:
        raise ValueError(f"lie in {lo:.10g} to {hi:.10g}")


def numbers(
    value: Any, lengths: Sequence[int], lo: float = -math.inf, hi: float = math.inf
) -> tuple[float, ...]:
    """A list of as many finite numbers in ``[lo, hi]`` as one of the lengths says.

    Raises:
        ValueError: It is none, or a number lies outside.

    """
    if not isinstance(value, list | tuple) or len(value) not in lengths:
        raise ValueError(f"be a list of {' or '.join(map(str, lengths))} numbers")
    return tuple(number(item, lo, hi) for item in value)


def flag(value: Any) -> bool:
    """True or false.

    Raises:
        ValueError: It is neither.

    """
    if not isinstance(value, bool):
        raise ValueError("be true or false")
    return value


def option(value: Any, options: Collection[str]) -> str:
    """One of the options.

    Raises:
        ValueError: It is none of them.

    """
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"be one of {', '.join(options)}")
    return value


def is_text(value: str) -> bool:
    """Whether UTF-8 can hold it: no lone surrogates, as Python has for bytes of other encodings."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def name(value: Any) -> str:
    """A string that is not empty.

    Raises:
        ValueError: It is anything else, or no text that UTF-8 can hold.

    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError("be a name")
    if not is_text(value):
        raise ValueError("be a name in UTF-8")
    return value


def names(value: Any) -> tuple[str, ...]:
    """One name, or a list of one or more.

    Raises:
        ValueError: It is anything else.

    """
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed:
        raise ValueError("be a list of one or more names")
    try:
        return tuple(name(item) for item in listed)
    except ValueError:
        raise ValueError("be a list of one or more names") from None
