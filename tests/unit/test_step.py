"""STEP files whose parts lie in other files, and those that the converter never ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from render.errors import AssetError
from render.library.readers import cad, read_raw
from render.system.paths import find_assets

# An assembly of one part, whose shape is in another file (ISO 10303-214, external references).
ASSEMBLY = """ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('a.stp','2026-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('AUTOMOTIVE_DESIGN { 1 0 10303 214 1 1 1 1 }'));
ENDSEC;
DATA;
#1=APPLICATION_CONTEXT('automotive design');
#2=APPLICATION_PROTOCOL_DEFINITION('international standard','automotive_design',2000,#1);
#3=PRODUCT_CONTEXT('',#1,'mechanical');
#4=PRODUCT_DEFINITION_CONTEXT('part definition',#1,'design');
#5=PRODUCT('whole','whole','',(#3));
#6=PRODUCT_DEFINITION_FORMATION('','',#5);
#7=PRODUCT_DEFINITION('design','',#6,#4);
#8=PRODUCT_DEFINITION_SHAPE('','',#7);
#9=(LENGTH_UNIT()NAMED_UNIT(*)SI_UNIT(.MILLI.,.METRE.));
#10=(NAMED_UNIT(*)PLANE_ANGLE_UNIT()SI_UNIT($,.RADIAN.));
#11=(NAMED_UNIT(*)SI_UNIT($,.STERADIAN.)SOLID_ANGLE_UNIT());
#12=(GEOMETRIC_REPRESENTATION_CONTEXT(3)GLOBAL_UNIT_ASSIGNED_CONTEXT((#9,#10,#11))
REPRESENTATION_CONTEXT('',''));
#13=CARTESIAN_POINT('',(0.,0.,0.));
#14=DIRECTION('',(0.,0.,1.));
#15=DIRECTION('',(1.,0.,0.));
#16=AXIS2_PLACEMENT_3D('',#13,#14,#15);
#17=SHAPE_REPRESENTATION('',(#16),#12);
#18=SHAPE_DEFINITION_REPRESENTATION(#8,#17);
EXTERNAL
ENDSEC;
END-ISO-10303-21;
"""


def external(name: str, first: int) -> str:
    return (
        f"#{first}=DOCUMENT_FILE( '{name}','','',#{first + 1},'',$);\n"
        f"#{first + 1}=DOCUMENT_TYPE('geometry');\n"
        f"#{first + 2}=IDENTIFICATION_ROLE('external document id and location',$);\n"
        f"#{first + 3}=EXTERNAL_SOURCE(IDENTIFIER(''));\n"
        f"#{first + 4}=APPLIED_EXTERNAL_IDENTIFICATION_ASSIGNMENT(\n"
        f"'{name}',#{first + 2},#{first + 3},(#{first}));\n"
    )


def test_an_assembly_of_parts_in_other_files_is_refused_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "a.stp"
    named = external("block.stp", 100) + external("O''Neil.CATPart", 200)
    path.write_text(ASSEMBLY.replace("EXTERNAL\n", named))
    with pytest.raises(AssetError) as refused:
        read_raw(path)

    assert refused.value.reason == (
        "names its parts in other files (block.stp, O'Neil.CATPart): export it as one file"
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\X2\87BA6813\X0\ 5.stp", "螺栓 5.stp"),
        (r"\X4\0001F529\X0\.stp", "🔩.stp"),
        (r"Gr\X\F6\X\DFe.stp", "Größe.stp"),
        (r"parts\\b.stp", r"parts\b.stp"),
        ("größe.stp", "größe.stp"),
    ],
)
def test_names_of_other_alphabets_are_told_as_people_read_them(
    tmp_path: Path, written: str, read: str
) -> None:
    path = tmp_path / "a.stp"
    path.write_text(ASSEMBLY.replace("EXTERNAL\n", external(written, 100)), encoding="utf-8")
    with pytest.raises(AssetError) as refused:
        read_raw(path)

    assert f"other files ({read}): " in refused.value.reason


def test_document_files_alone_are_names_too(tmp_path: Path) -> None:
    path = tmp_path / "a.stp"
    path.write_text(ASSEMBLY.replace("EXTERNAL\n", "#20=DOCUMENT_FILE('b.stp','','',#21,'',$);\n"
                                                   "#21=DOCUMENT_TYPE('geometry');\n"))  # fmt: skip
    with pytest.raises(AssetError, match=r"other files \(b.stp\)"):
        read_raw(path)


def test_parts_outside_are_told_beside_those_inside_and_other_documents_are_not(
    tmp_path: Path,
) -> None:
    text = (find_assets("models") / "flange.step").read_text()
    at = text.rindex("ENDSEC;")
    path = tmp_path / "a.step"
    path.write_text(
        text[:at] + external("lid.stp", 900_000) + external("note.pdf", 900_100) + text[at:]
    )
    model = read_raw(path)

    assert sum(len(mesh.faces) for mesh in model.meshes) > 100
    assert (
        "parts of it lie in other files, which are not read (export it as one file): lid.stp",
    ) == model.warnings


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("while True: pass", "took more than 1 s of a processor to convert: export it anew"),
        ("bytearray(3 * 2**30)", "is not STEP that can be converted: MemoryError"),
    ],
)
def test_a_converter_is_ended_that_takes_too_much(
    does: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cad, "_CPU_S", 1)
    monkeypatch.setattr(cad, "_CHILD", cad._CHILD.replace("import cascadio", does))
    path = tmp_path / "a.step"
    path.write_text(ASSEMBLY.replace("EXTERNAL", does))

    with pytest.raises(AssetError) as refused:
        read_raw(path)

    assert refused.value.reason == reason
