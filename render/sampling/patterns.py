"""Names and globs that choose among files."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

__all__ = ["is_named", "match_names", "near_names"]


def match_names(
    pattern: str, names: Sequence[str], category: Callable[[str], str] | None = None
) -> tuple[str, ...]:
    """The names that a pattern chooses, in the order of `names`; may be empty.

    A name that equals the pattern is chosen alone. Otherwise the pattern is held against the
    path, the path without suffix, the file's name, the file's name without suffix, and the
    category: ``bolt``, ``bolt.obj`` and ``fasteners/*`` all choose ``fasteners/bolt.obj``.
    Where it equals none of them, it is a glob (``*`` also spans ``/``); so ``bracket [rev2]``
    chooses the file of that name, brackets or not.

    Args:
        pattern: What is asked.
        names: Paths, relative, with ``/``.
        category: Of each name, where categories can be asked for.

    """
    if pattern in names:
        return (pattern,)
    forms = {n: (*_forms(n), *(() if category is None else (category(n),))) for n in names}
    equal = tuple(n for n in names if pattern in forms[n])
    return equal or tuple(n for n in names if any(fnmatchcase(form, pattern) for form in forms[n]))


def is_named(pattern: str, name: str) -> bool:
    """Whether a pattern is the path or file's name of `name`, with or without its suffix."""
    return pattern in _forms(name)


def near_names(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names that a pattern may have meant, which chooses none: at most three."""
    owners = {form.lower(): name for name in names for form in _forms(name)}
    close = difflib.get_close_matches(pattern.lower(), owners, n=3)
    return tuple(dict.fromkeys(owners[form] for form in close))


def _forms(name: str) -> Iterable[str]:
    path = PurePosixPath(name)
    return name, str(path.with_suffix("")), path.name, path.stem
