"""The table of scene parameters, as docs/parameters.md shows it: made from the schemas."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from render.sampling.arguments import show
from render.sampling.groups import GROUPS
from render.sampling.schema import Leaf

__all__ = ["override_of", "theta_table", "with_table"]

_BEGIN, _END = "<!-- theta table: begin -->\n", "<!-- theta table: end -->\n"


def with_table(page: str, table: str) -> str:
    """The page with the table between its markers, in place of what is there.

    Raises:
        ValueError: The page does not have both markers, each on a line of its own.

    """
    head, begin, rest = page.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page must hold the lines {_BEGIN.strip()} and {_END.strip()}")
    return f"{head}{begin}{table}{end}{tail}"


def theta_table(defaults: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: each leaf of θ with its domain, default, meaning and an override to copy.

    Args:
        defaults: ``{group: {leaf: value or distribution}}`` of a run without overrides.

    """
    rows = [
        "| parameter | meaning | values | default | copy |",
        "|---|---|---|---|---|",
    ]
    for group, schema in GROUPS.items():
        for f in fields(schema):
            spec: Leaf = f.metadata["leaf"]
            cells = (
                f"`{group}.{f.name}`",
                _meaning(spec),
                _domain(spec),
                f"`{show(defaults[group][f.name])}`",
                f"`{override_of(group, f.name, spec)}`",
            )
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def override_of(group: str, leaf: str, spec: Leaf) -> str:
    """The example of a leaf as it is typed into a shell; quoted, because zsh expands ``[``."""
    override = f"{group}.{leaf}={spec.example}"
    return f"'{override}'" if set(override) & set("[]{}*?'\" ") else override


def _meaning(spec: Leaf) -> str:
    """The leaf's own line, then that of each class among which it chooses."""
    if not isinstance(spec.options, Mapping):
        return spec.doc
    lines = (
        f"`{name}`: {(inspect.getdoc(cls) or '').partition(chr(10))[0]}"
        for name, cls in spec.options.items()
    )
    return " ".join((spec.doc, *lines))


def _domain(spec: Leaf) -> str:
    if spec.kind == "choice":
        text = ", ".join(f"`{option}`" for option in spec.options)
    elif spec.kind == "flag":
        text = "`true`, `false`"
    elif spec.kind == "by_category":
        text = f"list of `{{category, size_m}}`, {spec.lo:.10g} to {spec.hi:.10g}"
    elif spec.kind == "pattern":
        text = f"name or glob of {spec.catalog}"
    else:
        span = f"{spec.lo:.10g} to {spec.hi:.10g}"
        count = " or ".join(str(n) for n in spec.length)
        text = {
            "number": f"number, {span}",
            "integer": f"whole number, {span}",
            "vector": f"{count} numbers, {span}",
        }[spec.kind]
    scope = "" if spec.scope == "frame" else f"; one per {spec.scope}"
    return text + scope + ("; or `null`" if spec.nullable else "")
