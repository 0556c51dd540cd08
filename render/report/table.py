"""The tables of docs/parameters.md, from where each thing is declared."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from render.config.run_config import RunConfig
from render.config.settings import settings_of
from render.sampling.arguments import show
from render.sampling.distribution import DISTRIBUTIONS
from render.sampling.groups import GROUPS
from render.sampling.schema import Leaf
from render.writers.chosen import output_settings

__all__ = ["distribution_table", "override_of", "run_table", "theta_table", "with_tables"]


def with_tables(page: str, config: Mapping[str, Any]) -> str:
    """The page with each table between its markers, in place of what is there.

    Args:
        page: Its text.
        config: Plain containers of a run without overrides.

    Raises:
        ValueError: The page does not have all markers, each on a line of its own.

    """
    tables = {
        "distributions": distribution_table(),
        "theta": theta_table(config),
        "run": run_table(config),
    }
    for name, table in tables.items():
        first, last = f"<!-- {name} table: begin -->\n", f"<!-- {name} table: end -->\n"
        head, begin, rest = page.partition(first)
        _, end, tail = rest.partition(last)
        if not begin or not end:
            raise ValueError(f"the page must hold the lines {first.strip()} and {last.strip()}")
        page = f"{head}{begin}{table}{end}{tail}"
    return page


def distribution_table() -> str:
    """Markdown: each distribution, how it is written and what it draws."""
    rows = ["| distribution | draws |", "|---|---|"]
    for word, kind in DISTRIBUTIONS.items():
        forms = ", ".join(f"`{form}`" for form in kind.forms(word))
        rows.append(f"| {forms} | {kind.meaning} |")
    return "\n".join(rows) + "\n"


def theta_table(config: Mapping[str, Any]) -> str:
    """Markdown: each leaf of θ with its domain, default, meaning and an override to copy.

    Args:
        config: Plain containers of a run without overrides.

    """
    leaves = (
        (f"{group}.{f.name}", f.metadata["leaf"], config[group][f.name])
        for group, schema in GROUPS.items()
        for f in fields(schema)
    )
    return _table(
        "parameter",
        (
            (name, _meaning(spec), _domain(spec), default, spec.example)
            for name, spec, default in leaves
        ),
    )


def run_table(config: Mapping[str, Any]) -> str:
    """Markdown: each key of the run that one can set, those of the writers last; columns as above.

    Args:
        config: Plain containers of a run without overrides.

    """
    rows = []
    for name, spec in {**dict(settings_of(RunConfig)), **output_settings()}.items():
        node: Any = config
        for part in name.split("."):
            node = node.get(part)
        if spec.example:  # without one are those that only a dataset holds
            rows.append((name, spec.doc, spec.rule, node, spec.example))
    return _table("key", rows)


def override_of(name: str, example: str) -> str:
    """An override as it is typed into a shell; quoted, because zsh expands ``[``."""
    override = f"{name}={example}"
    return f"'{override}'" if set(override) & set("[]{}*?'\" ") else override


def _table(what: str, rows: Iterable[tuple[str, str, str, Any, str]]) -> str:
    lines = [f"| {what} | meaning | values | default | copy |", "|---|---|---|---|---|"]
    for name, doc, domain, default, example in rows:
        cells = (
            f"`{name}`",
            doc,
            domain,
            f"`{show(default)}`",
            f"`{override_of(name, example)}`",
        )
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


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
    elif spec.kind == "by_material":
        text = "list of `{material, ...}`"
    elif spec.kind == "pattern":
        text = f"name or glob of {spec.catalog}"
    else:
        span = f"{spec.lo:.10g} to {spec.hi:.10g}"
        text = {
            "number": f"number, {span}",
            "integer": f"whole number, {span}",
            "vector": f"{spec.lengths} numbers, {span}",
        }[spec.kind]
    scope = "" if spec.scope == "frame" else f"; one per {spec.scope}"
    return text + scope + ("; or `null`" if spec.nullable else "")
