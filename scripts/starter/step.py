"""A flange as a STEP file (ISO 10303-21, AP214): planes and cylinders, written by hand."""

from __future__ import annotations

import math
from pathlib import Path

__all__ = ["write_flange"]

Point = tuple[float, float, float]


class _Step:
    """Numbers the entities of one file."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, text: str) -> str:
        self.lines.append(f"#{len(self.lines) + 1}={text};")
        return f"#{len(self.lines)}"

    def point(self, at: Point) -> str:
        return self.add(f"CARTESIAN_POINT('',({','.join(_real(v) for v in at)}))")

    def direction(self, along: Point) -> str:
        return self.add(f"DIRECTION('',({','.join(_real(v) for v in along)}))")

    def axes(self, at: Point, z: float = 1.0) -> str:
        """A placement whose z axis runs along +Z or -Z."""
        axis, reference = self.direction((0, 0, z)), self.direction((1, 0, 0))
        return self.add(f"AXIS2_PLACEMENT_3D('',{self.point(at)},{axis},{reference})")


def _real(value: float) -> str:
    text = f"{value:.6f}".rstrip("0")
    return text if text != "-0." else "0."


class _Circle:
    """A full circle in a plane of constant z: one vertex, one edge."""

    def __init__(self, step: _Step, at: Point, radius: float) -> None:
        x, y, z = at
        self.vertex = step.add(f"VERTEX_POINT('',{step.point((x + radius, y, z))})")
        curve = step.add(f"CIRCLE('',{step.axes(at)},{_real(radius)})")
        self.edge = step.add(f"EDGE_CURVE('',{self.vertex},{self.vertex},{curve},.T.)")
        self.at, self.radius = at, radius

    def bound(self, step: _Step, *, outer: bool, forward: bool) -> str:
        edge = step.add(f"ORIENTED_EDGE('',*,*,{self.edge},{'.T.' if forward else '.F.'})")
        loop = step.add(f"EDGE_LOOP('',({edge}))")
        return step.add(f"FACE_{'OUTER_' if outer else ''}BOUND('',{loop},.T.)")


def _plane(step: _Step, outer: _Circle, holes: list[_Circle], *, up: bool) -> str:
    """A flat face; bounds run counter-clockwise seen from outside, holes the other way."""
    surface = step.add(f"PLANE('',{step.axes((0, 0, outer.at[2]), 1 if up else -1)})")
    bounds = [outer.bound(step, outer=True, forward=up)]
    bounds += [h.bound(step, outer=False, forward=not up) for h in holes]
    return step.add(f"ADVANCED_FACE('',({','.join(bounds)}),{surface},.T.)")


def _cylinder(step: _Step, low: _Circle, high: _Circle, *, outside: bool) -> str:
    """The wall between two circles, with one seam."""
    x, y, z = low.at
    height = high.at[2] - z
    vector = step.add(f"VECTOR('',{step.direction((0, 0, 1))},1.)")
    line = step.add(f"LINE('',{step.point((x + low.radius, y, z))},{vector})")
    seam = step.add(f"EDGE_CURVE('',{low.vertex},{high.vertex},{line},.T.)")
    order = [(low.edge, ".T."), (seam, ".T."), (high.edge, ".F."), (seam, ".F.")]
    if not outside:
        order = [(edge, ".F." if way == ".T." else ".T.") for edge, way in reversed(order)]
    edges = [step.add(f"ORIENTED_EDGE('',*,*,{edge},{way})") for edge, way in order]
    loop = step.add(f"EDGE_LOOP('',({','.join(edges)}))")
    bound = step.add(f"FACE_OUTER_BOUND('',{loop},.T.)")
    surface = step.add(f"CYLINDRICAL_SURFACE('',{step.axes(low.at)},{_real(low.radius)})")
    sense = ".T." if outside else ".F."
    if height <= 0:
        raise ValueError(f"height must be above 0, got {height}")
    return step.add(f"ADVANCED_FACE('',({bound}),{surface},{sense})")


def _shell(step: _Step) -> str:
    """A disc 100 x 14 with a hub 62 x 30, bore 38 and six holes of 11 on a circle of 80."""

    def pair(at: tuple[float, float], radius: float, low: float, high: float) -> list[_Circle]:
        return [_Circle(step, (*at, z), radius) for z in (low, high)]

    disc, hub = pair((0, 0), 50, 0, 14), pair((0, 0), 31, 14, 30)
    bore = pair((0, 0), 19, 0, 30)
    holes = []
    for i in range(6):
        angle = math.radians(60 * i + 30)
        holes.append(pair((40 * math.cos(angle), 40 * math.sin(angle)), 5.5, 0, 14))
    faces = [
        _plane(step, disc[0], [bore[0], *(h[0] for h in holes)], up=False),
        _plane(step, disc[1], [hub[0], *(h[1] for h in holes)], up=True),
        _plane(step, hub[1], [bore[1]], up=True),
        _cylinder(step, *disc, outside=True),
        _cylinder(step, *hub, outside=True),
        _cylinder(step, *bore, outside=False),
    ]
    faces += [_cylinder(step, *h, outside=False) for h in holes]
    return step.add(f"CLOSED_SHELL('',({','.join(faces)}))")


def write_flange(path: Path) -> None:
    """Writes the flange, millimetres, Z up."""
    step = _Step()
    app = step.add("APPLICATION_CONTEXT('automotive design')")
    step.add(
        f"APPLICATION_PROTOCOL_DEFINITION('international standard','automotive_design',2000,{app})"
    )
    product_context = step.add(f"PRODUCT_CONTEXT('',{app},'mechanical')")
    product = step.add(f"PRODUCT('flange','flange','',({product_context}))")
    formation = step.add(f"PRODUCT_DEFINITION_FORMATION('','',{product})")
    definition_context = step.add(f"PRODUCT_DEFINITION_CONTEXT('part definition',{app},'design')")
    definition = step.add(f"PRODUCT_DEFINITION('design','',{formation},{definition_context})")
    shape = step.add(f"PRODUCT_DEFINITION_SHAPE('','',{definition})")
    length = step.add("(LENGTH_UNIT()NAMED_UNIT(*)SI_UNIT(.MILLI.,.METRE.))")
    angle = step.add("(NAMED_UNIT(*)PLANE_ANGLE_UNIT()SI_UNIT($,.RADIAN.))")
    solid_angle = step.add("(NAMED_UNIT(*)SI_UNIT($,.STERADIAN.)SOLID_ANGLE_UNIT())")
    precision = step.add(
        f"UNCERTAINTY_MEASURE_WITH_UNIT(LENGTH_MEASURE(1.E-05),{length},'distance_accuracy_value',"
        "'confusion accuracy')"
    )
    context = step.add(
        "(GEOMETRIC_REPRESENTATION_CONTEXT(3)"
        f"GLOBAL_UNCERTAINTY_ASSIGNED_CONTEXT(({precision}))"
        f"GLOBAL_UNIT_ASSIGNED_CONTEXT(({length},{angle},{solid_angle}))"
        "REPRESENTATION_CONTEXT('',''))"
    )
    solid = step.add(f"MANIFOLD_SOLID_BREP('flange',{_shell(step)})")
    origin = step.axes((0, 0, 0))
    body = step.add(f"ADVANCED_BREP_SHAPE_REPRESENTATION('',({origin},{solid}),{context})")
    step.add(f"SHAPE_DEFINITION_REPRESENTATION({shape},{body})")
    head = (
        "ISO-10303-21;\nHEADER;\n"
        "FILE_DESCRIPTION(('flange, CC0 1.0'),'2;1');\n"
        "FILE_NAME('flange.step','2024-01-01T00:00:00',(''),(''),'make_assets.py','','');\n"
        "FILE_SCHEMA(('AUTOMOTIVE_DESIGN { 1 0 10303 214 1 1 1 1 }'));\nENDSEC;\nDATA;\n"
    )
    path.write_text(head + "\n".join(step.lines) + "\nENDSEC;\nEND-ISO-10303-21;\n", "ascii")
