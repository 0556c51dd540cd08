"""What the doctor says about models: sizes, repairs, and what is probably a mistake."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from render.errors import AssetError
from render.library.build_model import BuiltModel
from render.library.models import ModelLibrary
from render.library.near_duplicates import AreaMoments, kinship
from render.library.unit_suspicion import unit_suspicion

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

    Where two models have one shape, the warnings of the later one name the earlier, the factor
    between them, and whether one is the mirror image of the other.
    """
    reports: list[ModelReport] = []
    shapes: list[tuple[str, AreaMoments]] = []
    for name in library.names:
        try:
            built = library.inspect(name)
        except AssetError as error:
            reports.append(
                ModelReport(name=name, category=library.category(name), error=error.reason)
            )
            continue
        report = _report(built)
        shape = AreaMoments.of(built.model)
        kin = [f"{k} {other}" for other, o in shapes if (k := kinship(shape, o)) is not None]
        shapes.append((name, shape))
        reports.append(replace(report, warnings=(*report.warnings, *kin)))
    return reports


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
        warnings=(*built.warnings, *unit_suspicion(built)),
    )
