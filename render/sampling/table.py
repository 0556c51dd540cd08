"""The table of scene parameters, as the README shows it: made from the schemas."""

from __future__ import annotations

from dataclasses import fields

from render.sampling.schema import Leaf
from render.theta import GROUPS

__all__ = ["override_of", "theta_table"]


def theta_table() -> str:
    """Markdown: each leaf of θ with its domain, meaning and an override to copy."""
    rows = [
        "| parameter | values | meaning | copy |",
        "|---|---|---|---|",
    ]
    for group, schema in GROUPS.items():
        for f in fields(schema):
            spec: Leaf = f.metadata["leaf"]
            cells = (
                f"`{group}.{f.name}`",
                _domain(spec),
                spec.doc,
                f"`{override_of(group, f.name, spec)}`",
            )
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def override_of(group: str, leaf: str, spec: Leaf) -> str:
    """The example of a leaf as it is typed into a shell; quoted, because zsh expands ``[``."""
    override = f"{group}.{leaf}={spec.example}"
    return f"'{override}'" if set(override) & set("[]{}*?'\" ") else override


def _domain(spec: Leaf) -> str:
    if spec.kind == "choice":
        text = ", ".join(f"`{option}`" for option in spec.options)
    elif spec.kind == "flag":
        text = "`true`, `false`"
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
