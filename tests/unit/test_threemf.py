"""3MF: what is no part of the object, by its type or by what slicers keep beside it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from render.errors import AssetError
from render.library.readers import read_raw
from render.library.readers.raw import RawModel

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MS = "http://schemas.microsoft.com/3dmanufacturing"
CUBE_FACES = [
    (0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4),
    (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7),
]  # fmt: skip


def mesh(*cubes: tuple[float, float], inside: str = "") -> str:
    """Cubes, each told by where it begins along x and its side."""
    vertices = triangles = ""
    for number, (x, side) in enumerate(cubes):
        for z in (0, side):
            for dx, y in ((0, 0), (side, 0), (side, side), (0, side)):
                vertices += f'<vertex x="{x + dx}" y="{y}" z="{z}"/>'
        for face in CUBE_FACES:
            a, b, c = (8 * number + i for i in face)
            triangles += f'<triangle v1="{a}" v2="{b}" v3="{c}"/>'
    return f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles>{inside}</mesh>"


def read(folder: Path, resources: str, build: str, head: str = "", **files: str) -> RawModel:
    """Reads a package of one part and of files below Metadata/, whose names lack .config."""
    model = (
        f'<?xml version="1.0"?><model unit="millimeter" xmlns="{CORE}" {head}>'
        f"<resources>{resources}</resources><build>{build}</build></model>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("3D/3dmodel.model", model)
        for name, content in files.items():
            archive.writestr(f"Metadata/{name}.config", content)
    (folder / "a.3mf").write_bytes(out.getvalue())
    return read_raw(folder / "a.3mf")


def extent(model: RawModel) -> list[float]:
    corners = np.concatenate([m.positions[m.faces].reshape(-1, 3) for m in model.meshes])
    return [float(v) for v in np.ptp(corners, axis=0)]


TYPES = ("support", "solidsupport", "surface", "other")


def test_objects_of_type_model_alone_are_drawn(tmp_path: Path) -> None:
    resources = f'<object id="1" type="model">{mesh((0, 2))}</object>'
    for key, kind in enumerate(TYPES, 2):
        resources += f'<object id="{key}" type="{kind}">{mesh((10 * key, 5))}</object>'
    resources += (
        '<object id="9"><components><component objectid="1"/><component objectid="5"/>'
        '<component objectid="5" transform="1 0 0 0 1 0 0 0 1 0 0 9"/></components></object>'
    )
    items = "".join(f'<item objectid="{key}"/>' for key in (9, 2, 3, 4, 5))
    model = read(tmp_path, resources, items)

    assert [2, 2, 2] == extent(model)
    assert (
        "what is no part of the model is left out: "
        "other (3), support (1), solidsupport (1), surface (1)",
    ) == model.warnings


def test_what_is_not_printable_is_left_out(tmp_path: Path) -> None:
    resources = f'<object id="1">{mesh((0, 2))}</object><object id="2">{mesh((10, 5))}</object>'
    model = read(tmp_path, resources, '<item objectid="1"/><item objectid="2" printable="0"/>')

    assert [2, 2, 2] == extent(model)
    assert ("objects that are not printable are left out: 2",) == model.warnings


def test_a_file_of_helpers_alone_is_refused_with_their_types(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"holds no triangles: .*support \(1\)"):
        read(tmp_path, f'<object id="1" type="support">{mesh((0, 1))}</object>',
             '<item objectid="1"/>')  # fmt: skip


BAMBU = """<?xml version="1.0"?><config><object id="9"><metadata key="name" value="part"/>
<part id="1" subtype="normal_part"><metadata key="name" value="a"/></part>
<part id="2" subtype="negative_part"/><part id="3" subtype="modifier_part"/>
<part id="4" subtype="support_blocker"/><part id="5" subtype="support_enforcer"/>
</object></config>"""


def test_parts_that_bambu_and_orca_call_helpers_are_left_out(tmp_path: Path) -> None:
    resources = "".join(
        f'<object id="{key}">{mesh((10 * (key - 1), 2))}</object>' for key in range(1, 7)
    )
    parts = "".join(f'<component objectid="{key}"/>' for key in range(1, 7))
    resources += f'<object id="9"><components>{parts}</components></object>'
    # The same numbers in another object are not meant.
    resources += '<object id="8"><components><component objectid="2"/></components></object>'
    build = '<item objectid="9"/><item objectid="8"/>'
    model = read(tmp_path, resources, build, model_settings=BAMBU)

    assert [[0, 2], [50, 52], [10, 12]] == [
        [m.positions[:, 0].min(), m.positions[:, 0].max()] for m in model.meshes
    ]
    assert (
        "what is no part of the model is left out: negative_part, not cut out (1), "
        "modifier_part (1), support_blocker (1), support_enforcer (1)",
    ) == model.warnings


def _volume(first: int, kind: str, key: str = "volume_type") -> str:
    return (
        f'<volume firstid="{12 * first}" lastid="{12 * first + 11}">'
        f'<metadata type="volume" key="{key}" value="{kind}"/></volume>'
    )


def test_ranges_that_prusa_slicer_calls_helpers_are_left_out(tmp_path: Path) -> None:
    kinds = ("ModelPart", "NegativeVolume", "ParameterModifier", "SupportBlocker")
    volumes = "".join(_volume(i, kind) for i, kind in enumerate(kinds))
    volumes += _volume(4, "1", "modifier")
    config = f'<?xml version="1.0"?><config><object id="1">{volumes}</object></config>'
    resources = f'<object id="1">{mesh((0, 2), (10, 2), (20, 2), (30, 2), (40, 2))}</object>'
    model = read(tmp_path, resources, '<item objectid="1"/>', Slic3r_PE_model=config)

    assert [2, 2, 2] == extent(model)
    assert [12] == [len(m.faces) for m in model.meshes]
    assert (
        "what is no part of the model is left out: NegativeVolume, not cut out (1), "
        "ParameterModifier (2), SupportBlocker (1)",
    ) == model.warnings


def test_side_files_with_a_namespace_are_read(tmp_path: Path) -> None:
    volume = _volume(1, "NegativeVolume")
    config = f'<config xmlns="http://a.b/c"><object id="1">{volume}</object></config>'
    resources = f'<object id="1">{mesh((0, 2), (10, 5))}</object>'
    model = read(tmp_path, resources, '<item objectid="1"/>', Slic3r_PE_model=config)

    assert [2, 2, 2] == extent(model)


def test_a_build_section_without_objects_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="its build section names none of its objects"):
        read(tmp_path, f'<object id="1">{mesh((0, 2))}</object>', "")


def test_a_part_of_another_unit_is_told(tmp_path: Path) -> None:
    path = '<component xmlns:p="{}/production/2015/06" p:path="/3D/a.model" objectid="1"/>'
    resources = f'<object id="9"><components>{path.format(MS)}</components></object>'
    read(tmp_path, f'<object id="1">{mesh((0, 2))}</object>', '<item objectid="1"/>')
    with zipfile.ZipFile(tmp_path / "a.3mf") as archive:
        part = archive.read("3D/3dmodel.model").replace(b'"millimeter"', b'"meter"')
    with pytest.raises(AssetError, match="which is not inside"):
        read(tmp_path, resources, '<item objectid="9"/>')
    with zipfile.ZipFile(tmp_path / "a.3mf", "a") as archive:
        archive.writestr("3D/a.model", part)
    model = read_raw(tmp_path / "a.3mf")

    assert ([2, 2, 2], 0.001) == (extent(model), model.unit_m)
    assert (
        "parts say another unit than millimeter, that of the model, which is used: "
        "3D/a.model (meter)",
    ) == model.warnings


def test_meshes_that_cura_calls_helpers_are_left_out(tmp_path: Path) -> None:
    def owner(key: int, kind: str, value: str) -> str:
        said = f'<metadatagroup><metadata name="cura:{kind}">{value}</metadata></metadatagroup>'
        return f'<object id="{key}">{said}{mesh((10 * key, 2))}</object>'

    resources = owner(1, "support_mesh", "True") + owner(2, "support_mesh", "False")
    resources += owner(3, "layer_height", "True")
    items = "".join(f'<item objectid="{key}"/>' for key in (1, 2, 3))
    model = read(tmp_path, resources, items)

    assert [12, 2, 2] == extent(model)
    assert ("what is no part of the model is left out: support_mesh (1)",) == model.warnings


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (f"{MS}/beamlattice/2017/02", "beamlattice"),
        (f"{MS}/slice/2015/07", "slice"),
        (f"{MS}/securecontent/2019/04", "securecontent"),
        ("http://schemas.3mf.io/3dmanufacturing/booleanoperations/2023/07", "booleanoperations"),
        ("http://schemas.3mf.io/3dmanufacturing/displacement/2023/10", "displacement"),
        ("http://example.org/mine", "http://example.org/mine"),
    ],
)
def test_required_extensions_that_are_not_read_are_refused_by_name(
    tmp_path: Path, space: str, name: str
) -> None:
    head = f'xmlns:m="{MS}/material/2015/02" xmlns:x="{space}" requiredextensions="m x"'
    with pytest.raises(AssetError) as refused:
        read(tmp_path, f'<object id="1">{mesh((0, 1))}</object>', '<item objectid="1"/>', head)

    assert f"needs the extension {name}, which is not supported" == refused.value.reason


def test_optional_extensions_are_told_where_the_file_uses_them(tmp_path: Path) -> None:
    head = (
        f'xmlns:b="{MS}/beamlattice/2017/02" xmlns:s="{MS}/slice/2015/07" '
        f'xmlns:p="{MS}/production/2015/06" requiredextensions="p"'
    )
    beams = '<b:beamlattice radius="1"><b:beams><b:beam v1="0" v2="6"/></b:beams></b:beamlattice>'
    plain = f'<object id="1">{mesh((0, 1))}</object>'
    unused = read(tmp_path, plain, '<item objectid="1"/>', head)
    used = read(
        tmp_path,
        f'<s:slicestack id="7"/><object id="1">{mesh((0, 1), inside=beams)}</object>',
        '<item objectid="1"/>',
        head,
    )

    assert () == unused.warnings
    assert ("what extensions say is not drawn: beamlattice, slice",) == used.warnings
    assert [1, 1, 1] == extent(used)
