"""Names and globs that choose among files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

__all__ = ["match_names", "near_names"]


def match_names(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names that a pattern chooses, in the order of `names`; may be empty.

    A name that equals the pattern is chosen alone. Otherwise the pattern is a glob
    (``*`` also spans ``/``) and is held against the path, the path without suffix, the
    file's name and the file's name without suffix: ``bolt``, ``bolt.obj`` and
    ``fasteners/*`` all choose ``fasteners/bolt.obj``.
    """
    if pattern in names:
        return (pattern,)
    return tuple(n for n in names if any(fnmatchcase(form, pattern) for form in _forms(n)))


def near_names(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names that a pattern may have meant, which chooses none: at most three."""
    owners = {form.lower(): name for name in names for form in _forms(name)}
    close = difflib.get_close_matches(pattern.lower(), owners, n=3)
    return tuple(dict.fromkeys(owners[form] for form in close))


def _forms(name: str) -> Iterable[str]:
    path = PurePosixPath(name)
    return name, str(path.with_suffix("")), path.name, path.stem
