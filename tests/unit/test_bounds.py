"""What a file may cost: headers and counts that promise too much are refused before memory is."""

from __future__ import annotations

import io
import itertools
import random
import re
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import render
from render.config.words import config_of
from render.dataset.manifest import Manifest
from render.dataset.shards import missing_frames
from render.errors import AssetError, ConfigError
from render.job.top_up import shared_out
from render.library.images import ImageLibrary
from render.library.readers import companion_files
from render.library.readers.companion_files import Companions
from render.library.readers.notes import Notes
from render.library.readers.raw import MAX_FACES, RawMesh, limited
from render.system.files import write_whole
from render.system.pictures import MAX_PIXELS, PIXELS_PER_BYTE, check_size
from tests.bounded import outcomes
from tests.model_files import dae, glb, off, ply, stl, three_mf


def read_picture(path: Path) -> None:
    ImageLibrary(path.parent, what="backgrounds").load(path.name)


def png(width: int, height: int, *, color: int = 2, row: bytes = b"") -> bytes:
    """A PNG of one row of bytes over and over, none where it is empty; 8 bits a channel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(b"\0" + row) for _ in range(height if row else 1))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
        + chunk(b"IDAT", body + packer.flush()) + chunk(b"IEND", b"")
    )  # fmt: skip


def saved(form: str, **options: object) -> bytearray:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, form, **options)  # type: ignore[arg-type]
    return bytearray(file.getvalue())


def patched(data: bytearray, at: int, kind: str, *values: int) -> bytes:
    struct.pack_into(kind, data, at, *values)
    return bytes(data)


def test_a_picture_that_promises_too_much_is_refused_before_memory_is_asked_for(
    tmp_path: Path,
) -> None:
    jpeg, gif, bmp = saved("jpeg"), saved("gif"), saved("bmp")
    frame = bytearray(gif)
    tags = {256: 200_000, 257: 200_000, 258: 8, 259: 1, 262: 1, 273: 200, 277: 1, 278: 64, 279: 9}
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    tiff += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    tile = tiff.replace(struct.pack("<I", 200_000), struct.pack("<I", 64))
    rows = struct.pack("<HHII", 278, 4, 1, 64)
    bombs = {
        "a.png": png(32_000, 32_000),
        "flat.png": png(12_000, 12_000, color=0, row=bytes(12_000)),
        "a.jpg": patched(jpeg, jpeg.index(b"\xff\xc0") + 5, ">HH", 65_500, 65_500),
        "a.bmp": patched(bmp, 18, "<ii", 100_000, 100_000),
        "gif.png": patched(gif, 6, "<HH", 65_535, 65_535),
        "frame.png": patched(frame, frame.index(b",") + 5, "<HH", 65_535, 65_535),
        "a.tif": tiff + bytes(1000),
        "strip.tif": tile.replace(rows, struct.pack("<HHII", 278, 4, 1, 2**31)) + bytes(1000),
    }
    for name, data in bombs.items():
        (tmp_path / name).write_bytes(data)

    found = outcomes(f"{__name__}:read_picture", [tmp_path / name for name in bombs])

    assert bombs.keys() == found.keys()
    for name, outcome in found.items():
        assert outcome.error.startswith(f"AssetError: {tmp_path / name}: is not a picture"), outcome
        assert outcome.peak_mb < 8, (name, outcome)
    assert "at most 160 megapixels, got 32000 x 32000: make it smaller" in found["a.png"].error
    assert "at most 160 megapixels, got 65500 x 65500" in found["a.jpg"].error
    assert "a byte for every 64 pixels" in found["flat.png"].error


def test_pixels_cost_nine_bytes_at_most_transparent_ones_too(tmp_path: Path) -> None:
    width, height = 2000, 1500
    soft = np.full((1, width, 4), 128, np.uint8).tobytes()
    (tmp_path / "soft.png").write_bytes(png(width, height, color=6, row=soft))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (width, height)).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(np.zeros((height, width), np.uint16)).save(tmp_path / "deep.png")

    found = outcomes(f"{__name__}:read_picture", sorted(tmp_path.iterdir()))

    most_mb = 9 * width * height / 2**20 + 8  # and the library's own
    assert 3 == len(found)
    for name, outcome in found.items():
        assert "" == outcome.error
        assert outcome.peak_mb < most_mb, (name, outcome)


def test_an_environment_map_that_promises_too_much_is_refused_before_memory_is_asked_for(
    tmp_path: Path,
) -> None:
    head = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n"
    window = struct.pack("<i4i", 16, 0, 0, 199_999, 99_999)
    exr = b"\x76\x2f\x31\x01\x02\0\0\0" + b"comments\0string\0\x03\0\0\0abc"
    files = {
        "a.hdr": head + b"-Y 100000 +X 200000\n" + bytes(1000),
        "turned.hdr": head + b"+X 200000 -Y 100000\n" + bytes(1000),
        "flat.hdr": head + b"-Y 8000 +X 16000\n" + bytes(1000),
        "a.exr": exr + b"dataWindow\0box2i\0" + window + bytes(1000),
        "none.exr": exr + b"\0" + bytes(1000),
        "cut.hdr": head + b"-Y 64 +X 128\n" + bytes(1000),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    found = outcomes("render.library.environments:read_radiance", [tmp_path / n for n in files])

    for name in ("a.hdr", "turned.hdr", "a.exr"):
        assert "at most 160 megapixels, got 200000 x 100000" in found[name].error
    assert "a byte for every 64 pixels" in found["flat.hdr"].error
    assert "no dataWindow" in found["none.exr"].error
    assert "cut off or broken" in found["cut.hdr"].error
    assert all(outcome.error.startswith("AssetError") for outcome in found.values())
    assert max(outcome.peak_mb for outcome in found.values()) < 8


def test_photographs_of_a_hundred_megapixels_are_within_the_bounds() -> None:
    check_size(11_648, 8736, 12_000_000)
    check_size(14_204, 10_652, 8_000_000)
    check_size(8192, 8192, 2000)
    with pytest.raises(ValueError, match="megapixels"):
        check_size(MAX_PIXELS + 1, 1, 10**9)
    with pytest.raises(ValueError, match=f"every {PIXELS_PER_BYTE} pixels"):
        check_size(10_000, 10_000, 10**8 // PIXELS_PER_BYTE - 1)


def zipped(model: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A 3MF of one part."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("3D/3dmodel.model", model)
    return file.getvalue()


def lying(packed: bytes, size: int) -> bytes:
    """An archive of one part, which declares another size than it unpacks to."""
    data = bytearray(packed)
    struct.pack_into("<I", data, data.rindex(b"PK\1\2") + 24, size)
    struct.pack_into("<I", data, data.index(b"PK\3\4") + 22, size)
    return bytes(data)


def test_model_files_that_promise_too_much_are_refused_before_memory_is_asked_for(
    tmp_path: Path,
) -> None:
    entities = "".join(f"<!ENTITY e{k + 1} '{f'&e{k};' * 10}'>" for k in range(9))
    doctype = f"<!DOCTYPE m [<!ENTITY e0 'xxxxxxxxxx'>{entities}]>".encode()
    with zipfile.ZipFile(io.BytesIO(three_mf())) as archive:
        model = archive.read("3D/3dmodel.model")
    huge = 4_000_000_000
    polygons = dae().replace(b"<p>", b"<vcount>3 3 3 2000000000</vcount><p>")
    polygons = polygons.replace(b"<triangles", b"<polylist").replace(b"</triangles", b"</polylist")
    blanks = zipped(model + b" " * 100_000_000)
    nested = dae().replace(b"<node ", b"<node>" * 9000 + b"<node ")
    no_data = {"componentType": 5126, "count": 2**27, "type": "VEC3", "sparse": {}}
    files = {
        "blanks.3mf": (blanks, "must unpack to at most 16777216 bytes, 50 times its own"),
        "lying.3mf": (lying(blanks, len(model)), "Bad CRC-32"),
        "bzip.3mf": (zipped(model, zipfile.ZIP_BZIP2), "must hold parts that are stored or"),
        "nested.3mf": (zipped(b"<a>" * 9000 + b"</a>" * 9000), "Excessive depth"),
        "entities.3mf": (zipped(model.replace(b"<model", doctype + b"<model")), "DOCTYPE"),
        "entities.dae": (dae().replace(b"<COLLADA", doctype + b"<COLLADA"), "DOCTYPE"),
        "nested.dae": (nested.replace(b"</node>", b"</node>" * 9001), "Excessive depth"),
        "zipped.dae": (zipped(dae()), "got a zip archive: unpack it"),
        "polygons.dae": (polygons, "more corners than are there"),
        "a.stl": (patched(bytearray(stl()), 80, "<I", huge), "of 4000000000 facets"),
        "a.ply": (ply("ascii").replace(b"vertex 4", b"vertex 4000000000"), "is cut off"),
        "b.ply": (ply("binary_little_endian").replace(b"face 4", b"face 4000000000"), "is cut off"),
        "a.off": (off().replace(b"4 4 6", b"4000000000 4 6"), "is cut off"),
        "accessor.glb": (glb(lambda root: root["accessors"][1].update(count=2**27)), "ends at"),
        "items.glb": (glb(lambda root: root["accessors"][1].update(count=huge)), "more than"),
        "sparse.glb": (glb(lambda root: root["accessors"].__setitem__(1, no_data)), "without data"),
        "view.glb": (
            glb(lambda root: root["bufferViews"][1].update(byteLength=huge)),
            "of a buffer of",
        ),
    }
    for name, (data, _) in files.items():
        (tmp_path / name).write_bytes(data)

    found = outcomes("render.library.readers:read_raw", [tmp_path / name for name in files])

    for name, outcome in found.items():
        assert outcome.error.startswith(f"AssetError: {tmp_path / name}: "), outcome
        assert files[name][1] in outcome.error
        assert outcome.peak_mb < 24, (name, outcome)


def test_a_model_has_no_more_vertices_than_its_faces_can_have() -> None:
    points = np.broadcast_to(np.zeros(3), (MAX_FACES, 3))
    mesh = RawMesh(positions=points, faces=np.zeros((1, 3), np.int64))
    with pytest.raises(AssetError, match="must have at most 192000000 vertices"):
        list(limited(Path("a.glb"), [mesh] * 4))


def test_the_images_of_a_model_have_a_bound_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companion_files, "_MOST_PIXELS", 100)
    notes = Notes()
    companions = Companions(tmp_path / "a.glb", tmp_path, notes)
    images = [companions.decoded(png(8, 8, row=bytes(24)), f"{k}.png") for k in range(4)]

    assert [True, True, False, False] == [image is not None for image in images]
    assert "textures beyond" in " ".join(notes.lines())


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"a{k + 1}: &a{k + 1} [{', '.join([f'*a{k}'] * 10)}]" for k in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"output:\n  {BOMB.replace(chr(10), chr(10) + '  ')}",
            "too many values, more than 100000",
        ),
        (f"x: {'[' * 70}{']' * 70}", "nests too deep, more than 64 levels"),
        ("execution:\n  x: .nan", "numbers must be finite, got nan in line 3"),
        ("a: !!python/object/apply:pathlib.Path [x]", "must hold plain values"),
    ],
)
def test_files_of_a_config_are_held_against_the_bounds_before_hydra_reads_them(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}\n")
    with pytest.raises(ConfigError, match=message):
        config_of(["experiment=mine"], config_dir=tmp_path)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (f"models=[{'a,' * 5000}a]", "at most 4096 items, got 5001: write it in an experiment"),
        (f"models={'[' * 400}{']' * 400}", "nested at most 64 levels"),
    ],
)
def test_words_that_hydra_cannot_parse_in_good_time_are_refused(word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_of([word])


def test_frames_that_are_to_come_cost_neither_memory_nor_time(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    (tmp_path / ".manifest").mkdir()
    there = write_whole(tmp_path / "there", b"records")
    for shard_idx in (0, 1, 3, 7):
        files = {"there": there} if shard_idx < 7 else {"gone": "x"}
        manifest.write_entry(shard_idx, frames=16, files=files)

    tracemalloc.start()
    frames = missing_frames(manifest, 99_999_998)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2**20
    assert 99_999_998 - 3 * 16 == len(frames)
    assert [*range(32, 48), 64, 65] == list(itertools.islice(frames, 18))
    assert (32, 64, 99_999_997) == (frames[0], frames[16], frames[-1])
    assert [True, False, False, True] == [i in frames for i in (32, 31, 48, 64)]
    assert 100 - 3 * 16 == len(missing_frames(manifest, 100))
    assert [*range(32, 40)] == list(missing_frames(manifest, 40))


@pytest.mark.parametrize("n_frames", [1, 7, 1000])
def test_a_top_up_shares_frames_out_as_if_they_were_given_one_by_one(n_frames: int) -> None:
    rng = random.Random(n_frames)
    held, expected = rng.choices(range(40), k=12), rng.choices([1.0, 2.5, 10 / 3, 0.07], k=12)
    given = [0] * 12
    for _ in range(n_frames):
        given[min(range(12), key=lambda i: ((held[i] + given[i]) / expected[i], i))] += 1

    assert given == shared_out(held, expected, n_frames)


def test_a_top_up_of_a_hundred_million_frames_is_shared_out_at_once() -> None:
    began = time.process_time()

    assert 99_999_998 == sum(shared_out([3] * 50, [5.5] * 50, 99_999_998))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("n_frames=100000000", "n_frames must be a whole number from 1 to 99999999, got 100000000"),
        ("workers=1025", "workers must be auto or a whole number from 1 to 1024, got 1025"),
        (
            "camera.size_wh=[100000,100000]",
            "must lie in 16 to 8192, got 100000: a larger picture takes more memory",
        ),
        (
            "objects.count=100000",
            "objects.count must lie in 1 to 2000, got 100000: memory and time",
        ),
        ("occlusion.count=[integers,0,1000000000]", "occlusion.count must lie in 0 to 2000"),
    ],
)
def test_keys_that_decide_what_a_frame_costs_state_their_bound(word: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(rule)):
        render.compose(word)
