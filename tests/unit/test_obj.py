"""OBJ and MTL as programs write them: indices, white space, comments, encodings, libraries."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render.errors import AssetError
from render.library.readers import read_raw
from render.library.readers.raw import RawModel
from render.library.readers.text import numbers, plain_text, row_indices, statements

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
RED = "newmtl red\nKd 1 0 0\n"
RED_RGBA = (1.0, 0.0, 0.0, 1.0)


def read(folder: Path, text: str | bytes, **files: str | bytes) -> RawModel:
    """Reads a.obj beside other files, named without their .mtl."""
    for name, content in {"a.obj": text, **{f"{n}.mtl": c for n, c in files.items()}}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return read_raw(folder / "a.obj")


def base_colors(model: RawModel) -> list[tuple[float, ...] | None]:
    return [None if m.material is None else m.material.base_color for m in model.meshes]


def test_comments_begin_with_a_word_of_their_own() -> None:
    text = "#all\na #1\tb #2\n c#3 # 4 #5\r\nd\r#\n#"

    assert "\na \n c#3\nd\n\n" == plain_text(text.encode())


def test_statements_of_one_keyword_come_together_with_the_line_of_the_first() -> None:
    data = b"v 1 2\nv\t3 \\\n 4\n\n# no\n  v 5\nvt 6\nv\nusemtl  a b \n"

    assert [
        (1, "v", " 1 2\n\t3   4\n"),
        (5, "v", " 5\n"),
        (6, "vt", " 6\n"),
        (7, "v", "\n"),
        (8, "usemtl", "  a b \n"),
    ] == list(statements(data))


def test_numbers_are_those_of_python_and_nan_for_words_that_are_none() -> None:
    values, counts = numbers("1e-3 -.5\n\n0.1\t7 x 1_0 1e400\nnan\n")

    np.testing.assert_array_equal(counts, [2, 0, 5, 1])
    np.testing.assert_array_equal(values, [1e-3, -0.5, 0.1, 7, np.nan, 10, np.inf, np.nan])


def test_numbers_are_read_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    written = rng.standard_normal(2000) * 10.0 ** rng.integers(-30, 30, 2000)

    np.testing.assert_array_equal(
        numbers("".join(f"{v!r}\n" for v in written.tolist()))[0], written
    )


def test_row_indices_count_on_from_each_start() -> None:
    found = row_indices(np.array([7, 0, 3]), np.array([2, 0, 3]))

    np.testing.assert_array_equal(found, [7, 8, 3, 4, 5])


def test_every_way_of_writing_a_corner_in_one_file(tmp_path: Path) -> None:
    text = SQUARE + "vt .1 .2\nvt .3 .4\nvn 0 0 1\nvn 1 0 0\n"
    text += "f 1 2 3\nf 1/1 2/2 3/1\nf 1//1 2//2 3//1\nf 1/2/1 2/1/2 3/2/1 4/1/2\n"
    text += "f 1/2/ 2/9/1 3/1/8\n"
    (mesh,) = read(tmp_path, text).meshes

    assert mesh.normals is None  # not every corner has one
    assert mesh.uv is not None
    corners = mesh.faces.reshape(-1)
    points = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], dtype=np.float64)
    named = [0, 1, 2] * 3 + [0, 1, 2, 0, 2, 3] + [0, 1, 2]
    np.testing.assert_array_equal(mesh.positions[corners], points[named])
    none, first, second = (0.0, 0.0), (0.1, 0.2), (0.3, 0.4)
    uv = [none] * 3 + [first, second, first] + [none] * 3
    uv += [second, first, second, second, second, first, second, none, first]
    np.testing.assert_array_equal(mesh.uv[corners], uv)


def test_vertices_are_shared_where_all_of_their_indices_are_the_same(tmp_path: Path) -> None:
    text = SQUARE + "vt 0 0\nvt 1 1\nf 1/1 2/1 3/1\nf 1/1 3/1 4/1\nf 1/2 2/1 3/1\n"
    (mesh,) = read(tmp_path, text).meshes

    np.testing.assert_array_equal(mesh.faces, [(0, 2, 3), (0, 3, 4), (1, 2, 3)])


def test_negative_indices_count_from_their_own_line(tmp_path: Path) -> None:
    text = SQUARE + "f -4 -3 -2\nf -4 -2 -1\nv 9 9 9\nv 8 8 8\nv 9 8 8\nf -3 -2 -1\nf 1 2 -1\n"
    (mesh,) = read(tmp_path, text).meshes
    points = mesh.positions[mesh.faces]

    np.testing.assert_array_equal(points[0], [(0, 0, 0), (1, 0, 0), (1, 1, 0)])
    np.testing.assert_array_equal(points[2], [(9, 9, 9), (8, 8, 8), (9, 8, 8)])
    np.testing.assert_array_equal(points[3], [(0, 0, 0), (1, 0, 0), (9, 8, 8)])


@pytest.mark.parametrize(
    ("face", "reason"),
    [
        ("f 1 2 5", "line 5: a face names vertex 5 of 4"),
        ("f 1 2 0", "line 5: a face names vertex 0 of 4"),
        ("f 1 2 -5", "line 5: a face names vertex -5 of 4"),
        ("f 1 2 3\nf 1 2 x", "line 6: 'x' is not an index"),
        ("f 1 2 3.0", r"line 5: '3\.0' is not an index"),
        ("f 1 2 3\n# two\nf 1 2-3 4", "line 7: '2-3' is not an index"),
        ("f 1 2 /3", "no index"),
        ("f 1 2 99999999999999999999", "line 5: a face names vertex 9"),
    ],
)
def test_faces_of_nothing_are_refused_with_their_line(
    tmp_path: Path, face: str, reason: str
) -> None:
    with pytest.raises(AssetError, match=reason):
        read(tmp_path, SQUARE + face)


def test_faces_of_two_corners_are_left_out_with_a_warning(tmp_path: Path) -> None:
    model = read(tmp_path, SQUARE + "o rod\nf 1 2\no sheet\nf 1 2 3\nf 3 4\nf 1 3 4\nl 1 2\n")

    assert [("sheet", 2)] == [(m.part, len(m.faces)) for m in model.meshes]
    assert {
        "faces of fewer than three corners are left out",
        "it holds points or lines, which are not drawn",
    } == set(model.warnings)


def test_objects_that_come_back_are_one_body_and_groups_count_without_objects(
    tmp_path: Path,
) -> None:
    faces = "g a\nf 1 2 3\ng b\nf 1 2 4\ng a\nf 2 3 4\n"
    grouped = read(tmp_path, SQUARE + faces)
    objects = read(tmp_path, SQUARE + faces.replace("g ", "o "))

    for model in (grouped, objects):
        assert [("a", 2), ("b", 1)] == [(m.part, len(m.faces)) for m in model.meshes]


def test_colors_behind_coordinates_are_bytes_where_one_is_over_one(tmp_path: Path) -> None:
    text = "v 0 0 0 255 0 0\nv 1 0 0 0 255 0\nv 0 1 0\nf 1 2 3\n"
    (mesh,) = read(tmp_path, text).meshes

    assert mesh.colors is not None
    np.testing.assert_array_equal(mesh.colors, [(1, 0, 0, 1), (0, 1, 0, 1), (1, 1, 1, 1)])


@pytest.mark.parametrize(
    "data",
    [
        "newmtl\tred\nKd\t1 0 0\n",
        "\n \t newmtl red # the colour\r\n\tKd 1 0 0 # red\r\n",
        "newmtl red\nKd 1 \\\n 0 0",
        codecs.BOM_UTF8 + RED.encode(),
        codecs.BOM_UTF16_LE + RED.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + RED.encode("utf-16-be"),
        RED.encode("utf-16-le"),
        codecs.BOM_UTF32_LE + RED.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + RED.encode("utf-32-be"),
        "newmtl red\nKd 1 \\ \t\r\n 0 0",
        "newmtl red\nKd 1 0 0#red\n",
        "newmtl\fred\nKd\v1 0 0\n",
        "\u00a0newmtl\u00a0red\u00a0\nKd\u30001\u20030\u00a00\n",
        "NEWMTL red\nKD 1 0 0\n",
    ],
)
def test_material_files_are_read_in_any_white_space_and_encoding(
    tmp_path: Path, data: str | bytes
) -> None:
    text = f"mtllib a.mtl # here\n{SQUARE}usemtl\tred\t# this\nf 1 2 3\n"
    model = read(tmp_path, text, a=data)

    assert [RED_RGBA] == base_colors(model)
    assert model.warnings == ()


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_models_are_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    model = read(tmp_path, f"{SQUARE}o Größe\nf 1 2 3 4\n".encode(encoding))

    assert [("Größe", 2)] == [(m.part, len(m.faces)) for m in model.meshes]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "gbk"])
def test_names_of_any_code_page_stay_apart(tmp_path: Path, encoding: str) -> None:
    one, other = ("红", "绿") if encoding == "gbk" else ("rot_ä", "rot_ö")
    text = f"mtllib a.mtl\n{SQUARE}usemtl {one}\nf 1 2 3\nusemtl {other}\nf 1 3 4\n"
    library = f"newmtl {one}\nKd 1 0 0\nnewmtl {other}\nKd 0 0 1\n"
    model = read(tmp_path, text.encode(encoding), a=library.encode(encoding))

    assert [RED_RGBA, (0.0, 0.0, 1.0, 1.0)] == base_colors(model)
    assert model.warnings == ()


def test_names_of_materials_may_begin_with_the_sign_of_comments(tmp_path: Path) -> None:
    text = f"mtllib a.mtl\n{SQUARE}usemtl #f00 # red\nf 1 2 3\nusemtl #00f\nf 1 3 4\n"
    model = read(tmp_path, text, a="newmtl #f00\nKd 1 0 0\nnewmtl\t#00f # blue\nKd 0 0 1\n")

    assert [RED_RGBA, (0.0, 0.0, 1.0, 1.0)] == base_colors(model)
    assert model.warnings == ()


def test_keywords_of_a_model_in_capitals(tmp_path: Path) -> None:
    text = f"MTLLIB a.mtl\n{SQUARE.upper()}USEMTL red\nF 1 2 3 4\n"
    model = read(tmp_path, text, a=RED)

    assert [(RED_RGBA, 2)] == [(c, len(m.faces)) for c, m in zip(base_colors(model), model.meshes)]


def test_shapes_and_looks_that_are_not_read_are_named_once(tmp_path: Path) -> None:
    curve = "cstype bspline\ndeg 1 1\nsurf 0 1 0 1 1 2 3 4\nparm u 0 1\nend\n"
    model = read(tmp_path, f"{SQUARE}usemtl red\nf 1 2 3\n{curve}call b.obj\n{curve}")

    assert (
        "statements that are not read: surf, call",
        "it uses materials but names no material file (mtllib)",
    ) == model.warnings


@pytest.mark.parametrize("line", ["mtllib a.mtl b.mtl", "mtllib a.mtl\nmtllib b.mtl"])
def test_several_libraries(tmp_path: Path, line: str) -> None:
    text = f"{line}\n{SQUARE}usemtl red\nf 1 2 3\nusemtl blue\nf 1 3 4\n"
    model = read(tmp_path, text, a=RED, b="newmtl blue\nKd 0 0 1\n")

    assert [RED_RGBA, (0.0, 0.0, 1.0, 1.0)] == base_colors(model)
    assert (tmp_path / "a.mtl", tmp_path / "b.mtl") == model.companions


def test_a_library_with_a_space_in_its_name(tmp_path: Path) -> None:
    text = f"mtllib my red.mtl\n{SQUARE}usemtl red\nf 1 2 3\n"

    assert [RED_RGBA] == base_colors(read(tmp_path, text, **{"my red": RED}))


def test_a_missing_library_is_told(tmp_path: Path) -> None:
    model = read(tmp_path, f"mtllib a.mtl b.mtl\n{SQUARE}usemtl red\nf 1 2 3\n", a=RED)

    assert ("its material files are missing: b.mtl",) == model.warnings
    assert [RED_RGBA] == base_colors(model)


def test_without_usemtl_the_only_material_is_drawn_and_none_of_several(tmp_path: Path) -> None:
    text = f"mtllib a.mtl\n{SQUARE}f 1 2 3\n"
    one = read(tmp_path, text, a=RED)
    two = read(tmp_path, text, a=RED + "newmtl blue\nKd 0 0 1\n")
    partly = read(tmp_path, text + "usemtl red\nf 1 3 4\n", a=RED)

    assert [RED_RGBA] == base_colors(one)
    assert one.warnings == ()
    assert [None] == base_colors(two)
    assert ("no usemtl says which of its materials is meant; none is drawn",) == two.warnings
    assert [None, RED_RGBA] == base_colors(partly)


def test_what_is_not_used_is_named_once(tmp_path: Path) -> None:
    text = f"mtllib a.mtl b.mtl c.mtl\n{SQUARE}usemtl red\nf 1 2 3\nusemtl blue\nf 1 3 4\n"
    keys = "Ka 1 1 1\nKs 1 1 1\nNi 1.5\nillum 2\nPs 0\nmap_Ks s.png\nmap_Ns n.png\ndisp d.png\n"
    blue = f"newmtl blue\n{keys}Pc 0.5\nrefl -type sphere r.png\n"
    model = read(tmp_path, text, a=RED + keys, b=blue, c="newmtl other\n" + "Kd 0 0 0\n")

    assert (
        "keys of its material files are not drawn: map_Ks, map_Ns, disp, Pc, refl",
        "material files of which nothing is used: c.mtl",
    ) == model.warnings


def test_a_library_that_lacks_what_is_used_is_named(tmp_path: Path) -> None:
    text = f"mtllib a.mtl\n{SQUARE}usemtl green\nf 1 2 3\nusemtl blue\nf 1 3 4\n"
    model = read(tmp_path, text, a=RED)

    assert (
        "its material files lack materials that it uses: blue, green",
        "material files of which nothing is used: a.mtl",
    ) == model.warnings


def test_map_ka_is_the_base_colour_where_there_is_no_map_kd(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (0, 255, 0)).save(tmp_path / "ka.png")
    Image.new("RGB", (1, 1), (0, 0, 255)).save(tmp_path / "kd.png")
    text = f"mtllib a.mtl\n{SQUARE}f 1 2 3\n"
    alone = read(tmp_path, text, a="newmtl m\nmap_Ka ka.png\n").meshes[0].material
    both = read(tmp_path, text, a="newmtl m\nmap_Ka ka.png\nmap_Kd kd.png\n").meshes[0].material

    for look, rgba in ((alone, [0, 255, 0, 255]), (both, [0, 0, 255, 255])):
        assert look is not None
        assert look.base_color_texture is not None
        assert rgba == look.base_color_texture.image[0, 0].tolist()
        assert look.base_color == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("map_Kd my  red\u00a0one.png", "my  red one.png"),
        ('map_Kd "my red.png"', "my red.png"),
        ("map_Kd -CLAMP on -Bm 1 a.png", "a.png"),
        ("map_Kd   -o 0 0 -s 1 1 1  2.png  # tile", "2.png"),
        ("map_Kd gr\u00f6\u00dfe.png", "gro\u0308\u00dfe.PNG"),
        ("map_Kd a\u2013b.png", "a\u2013b.png"),
        ("map_Kd t#1.png", "t#1.png"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_names_of_textures_with_spaces_signs_and_other_letters(
    tmp_path: Path, line: str, file: str, encoding: str
) -> None:
    Image.new("RGB", (1, 1), (0, 255, 0)).save(tmp_path / file)
    library = f"newmtl m\n{line}\n".encode(encoding)
    (mesh,) = read(tmp_path, f"mtllib a.mtl\n{SQUARE}f 1 2 3\n", a=library).meshes

    assert mesh.material is not None
    assert mesh.material.base_color_texture is not None
    assert [0, 255, 0, 255] == mesh.material.base_color_texture.image[0, 0].tolist()


def test_maps_of_roughness_and_metal_are_one_texture_and_stand_for_the_numbers(
    tmp_path: Path,
) -> None:
    """Green is roughness, blue is metal (glTF 2.0, 3.9.2), whatever the sizes of the images."""
    Image.fromarray(np.array([[0, 200], [100, 50]], np.uint8)).save(tmp_path / "pr.png")
    Image.fromarray(np.array([[255]], np.uint8)).save(tmp_path / "pm.png")
    text = f"mtllib a.mtl\n{SQUARE}f 1 2 3\n"
    numbers = "newmtl m\nPr 0.5\nPm 0\n"
    both = read(tmp_path, text, a=f"{numbers}map_Pr pr.png\nmap_Pm pm.png\n")
    rough = read(tmp_path, text, a=f"{numbers}map_Pr pr.png\n").meshes[0].material
    look = both.meshes[0].material

    assert both.warnings == ()
    assert (tmp_path / "a.mtl", tmp_path / "pr.png", tmp_path / "pm.png") == both.companions
    assert look is not None
    assert (1.0, 1.0) == (look.roughness, look.metallic)
    assert look.metallic_roughness_texture is not None
    image = look.metallic_roughness_texture.image
    assert [[0, 200], [100, 50]] == image[..., 1].tolist()
    assert [[255, 255], [255, 255]] == image[..., 2].tolist()
    assert rough is not None
    assert (1.0, 0.0) == (rough.roughness, rough.metallic)
