"""What the doctor says: which devices there are, what the models are like, would a run work."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from render.engine.base import Probe
from render.library.categories import categories_text
from render.library.diagnose import ModelReport
from render.report.lengths import number_text, size_text, unit_text

__all__ = ["devices_text", "models_text", "verdict"]

_WIDTH = 100
_HEADERS = ("model", "category", "size x, y, z", "longest", "triangles", "unit")
_WIDEST_NAME, _WIDEST_CATEGORY = 20, 24


def devices_text(probe: Probe) -> str:
    """What the engine could draw with, one device after the other, and which one a run uses."""
    lines, chosen = ["Devices"], probe.chosen
    for trial in probe.trials:
        name, info = f"  {trial.platform:7}{trial.device:12}", trial.info
        if info is None:
            lines += _wrapped(f"fails: {trial.error}", first=name, indent=21)
            continue
        kind = "GPU" if info.is_gpu else "software"
        is_chosen = chosen is not None and (
            (chosen.platform, chosen.device) == (trial.platform, trial.device)
        )
        mark = "  <- a run uses this" if is_chosen else ""
        lines.append(f"{name}{kind}: {info.renderer}{mark}")
        version = info.version if info.platform == "cpu" else f"OpenGL {info.version}"
        lines += _wrapped(f"{info.vendor}, {version}", indent=21)
    if chosen is None:
        lines += _wrapped(f"{probe.advice or probe.failure}.", indent=2)
    elif not chosen.is_gpu:
        lines += _wrapped(_software_text(chosen.remark), indent=2)
    return "\n".join(lines)


def models_text(reports: Sequence[ModelReport], passed_over: Sequence[str] = ()) -> str:
    """A table of models, each with its warnings below it; then their categories.

    Args:
        reports: On each model.
        passed_over: A sentence on the files of each kind that cannot be read.

    """
    rows = [_HEADERS, *(_row(report) for report in reports if report.error is None)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADERS))]
    widths[0] = min(widths[0], _WIDEST_NAME)
    widths[1] = min(widths[1], _WIDEST_CATEGORY)
    lines = [_columns(_HEADERS, widths)]
    for report in reports:
        if report.error is not None:
            lines += [f"  {report.name}", *_wrapped(f"REFUSED: {report.error}", indent=6)]
            continue
        lines.append(_columns(_row(report), widths))
        for warning in report.warnings:
            lines += _wrapped(f"! {warning}", indent=6)
    files_of: dict[str, list[str]] = {}
    for report in reports:
        files_of.setdefault(report.category, []).append(report.name)
    lines += _wrapped(f"categories: {categories_text(files_of)}", indent=2)
    for told in passed_over:
        lines += _wrapped(f"! {told}", indent=2)
    return "\n".join(line.rstrip() for line in lines)


def verdict(probe: Probe, reports: Sequence[ModelReport]) -> tuple[bool, str]:
    """Whether a run would work, and one line that says so."""
    chosen = probe.chosen
    refused = [report.name for report in reports if report.error is not None]
    warned = sum(bool(report.warnings) for report in reports)
    problems: list[str] = []
    if chosen is None:
        problems.append(probe.failure)
    if refused:
        hint = "assets.skip_bad=true leaves such models out"
        more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
        problems.append(f"refused: {', '.join(refused[:3])}{more} ({hint})")
    if chosen is None or problems:
        return False, f"not ready: {'; '.join(problems)}"
    kind = "a GPU" if chosen.is_gpu else "software"
    looked = f", look at the warnings of {warned}" if warned else ""
    return True, (
        f"ready: {_count(len(reports), 'model')}{looked}; "
        f"a run draws with {kind}, {chosen.platform} {chosen.device}"
    )


def _row(report: ModelReport) -> tuple[str, ...]:
    source = report.unit_source
    # Most sources name the unit in brackets.
    said = source if "(" in source else f"{unit_text(report.unit_m)}, {source}"
    return (
        report.name,
        report.category,
        size_text(report.size_m),
        f"{number_text(max(report.size_m))} m",
        f"{report.triangles:,}",
        said,
    )


def _columns(row: Sequence[str], widths: Sequence[int]) -> str:
    """One line; a name or category that is too long stands on a line before it."""
    name, category, *rest = row
    lead = ""
    if len(category) > widths[1]:
        lead, name, category = f"  {name}  {category}\n", "", ""
    elif len(name) > widths[0]:
        lead, name = f"  {name}\n", ""
    cells = [name.ljust(widths[0]), category.ljust(widths[1])]
    numbers = (text.rjust(width) for text, width in zip(rest[:-1], widths[2:-1], strict=True))
    return lead + "  " + "  ".join([*cells, *numbers, rest[-1]])


def _software_text(remark: str) -> str:
    if not remark:
        return "No GPU was found: frames are drawn on the CPU, with the same labels."
    return f"Frames are drawn on the CPU: {remark}."


def _wrapped(text: str, *, indent: int, first: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=first or " " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
