"""What the doctor says about models: sizes, repairs, and what is probably a mistake."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from render.errors import AssetError
from render.library.build_model import BuiltModel
from render.library.categories import CategoryShapes
from render.library.files import some_of
from render.library.models import ModelLibrary
from render.library.near_duplicates import SAME, AreaMoments, EqualModels, kinship
from render.library.unit_suspicion import FileSize, is_doubtful, unit_suspicion

__all__ = ["ModelReport", "diagnose"]


@dataclass(frozen=True, kw_only=True)
class ModelReport:
    """One model file, for people.

    Attributes:
        size_m: Sides of its box along the file's axes, metres; zeros if it cannot be used.
        unit_m: Metres per unit of the file; 0 if it cannot be used.
        unit_source: Where the unit comes from.
        is_closed: Its surface encloses a solid, faces outwards.
        warnings: A sentence each.
        error: Why it cannot be used, or None.

    """

    name: str
    category: str
    size_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    triangles: int = 0
    unit_m: float = 0.0
    unit_source: str = ""
    is_closed: bool = False
    warnings: tuple[str, ...] = ()
    error: str | None = None


def diagnose(library: ModelLibrary) -> list[ModelReport]:
    """Looks at every model of a library, in the order of its names; none is left out.

    Where models have one shape and size, a warning of the first one names the others. Where one
    is another, scaled or mirrored, its warning names that and the factor.
    """
    reports: dict[str, ModelReport] = {}
    sizes: list[FileSize] = []
    groups: list[EqualModels] = []
    kin: dict[str, tuple[str, EqualModels]] = {}
    shapes, by_folder = CategoryShapes(), library.named_by_folder
    for name in library.names:
        try:
            built = library.inspect(name)
        except AssetError as error:
            category = library.category(name)
            reports[name] = ModelReport(name=name, category=category, error=error.reason)
            continue
        reports[name] = _report(built)
        sizes.append(FileSize.of(name, built))
        shape = AreaMoments.of(built.model)
        shapes.add(built.model.category, shape)
        _group(name, shape, groups, kin)
    warnings: dict[str, list[str]] = {name: list(r.warnings) for name, r in reports.items()}
    for size in sizes:
        if is_doubtful(size, sizes):
            warnings[size.name] += unit_suspicion(library.inspect(size.name), size, sizes)
    for group in groups:
        first, *others = group.names
        if others:
            warnings[first].append(f"{SAME} {some_of(others)}")
    for name, (how, group) in kin.items():
        warnings[name].append(f"{how} {group.text}")
    for category, told in shapes.remarks(by_folder).items():
        warnings[by_folder[category][0]].append(told)
    return [replace(r, warnings=tuple(warnings[name])) for name, r in reports.items()]


def _group(
    name: str,
    shape: AreaMoments,
    groups: list[EqualModels],
    kin: dict[str, tuple[str, EqualModels]],
) -> None:
    """Adds a model to the group that it equals, or a group of its own that may have kin."""
    akin = [(how, group) for group in groups if (how := kinship(shape, group.shape)) is not None]
    for how, group in akin:
        if how == SAME:
            group.names.append(name)
            return
    groups.append(EqualModels(shape=shape, names=[name]))
    if akin:
        kin[name] = akin[0]


def _report(built: BuiltModel) -> ModelReport:
    model = built.model
    x, y, z = (float(v) for v in np.ptp(model.bounds_m, axis=0))
    return ModelReport(
        name=model.name,
        category=model.category,
        size_m=(x, y, z),
        triangles=sum(len(p.faces) for p in model.primitives),
        unit_m=model.unit_m,
        unit_source=built.unit_source,
        is_closed=built.surface.is_closed,
        warnings=built.warnings,
    )
