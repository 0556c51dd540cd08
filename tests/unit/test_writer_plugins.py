"""Writers of a user: what they write in real runs, and what they are refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import render
from render.dataset.frame_view import FrameView, SampleView
from render.dataset.reader import Dataset
from render.dataset.rows import instance_rows
from render.errors import ConfigError, DatasetError
from render.report.verify.dataset import verify
from render.writers.base import WRITERS, AbstractWriter, NoSettings
from render.writers.chosen import Writers

SMALL = (
    "camera.size_wh=[96,72]", "models=[bolt,die]", "background=color", "lighting=sun", "workers=1",
    "occlusion=none", "scale.size_frac=0.6",
)  # fmt: skip


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is known to that test alone."""
    monkeypatch.setattr(WRITERS, "_classes", {name: WRITERS[name] for name in WRITERS})


def line_of(text: str) -> int:
    """The first line of this file that begins with a text."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, start=1) if line.lstrip().startswith(text))


def plan_of(*overrides: str, n_frames: int = 3) -> render.Plan:
    return render.compose(*SMALL, f"n_frames={n_frames}", *overrides)


def hashes_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but dataset.yaml, which names its own folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "dataset.yaml"
    }


class Sizes(AbstractWriter[NoSettings]):
    """A text of each frame."""

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return ("sizes/{split}/{stem}.csv",)

    def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
        text = "".join(f"{row['category']},{row['px_count_visib']}\n" for row in view.labelled)
        return {f"sizes/{view.split}/{view.stem}.csv": text.encode()}


# Views


@pytest.mark.parametrize("image", ["jpg", "png"])
def test_a_frame_gives_the_same_files_just_rendered_and_read_back(
    image: str, tmp_path: Path
) -> None:
    plan = plan_of(
        f"output.image={image}", "output.depth=true", "output.normals=true", "output.nocs=true",
        "output.parts=true", "output.depth_sensor=true", "sensor.depth=stereo",
        "sensor.depth_range_m=[0.001,100]", "output.yolo=segment",
        "camera.distortion=[-0.1,0,0,0,0]", "output.formats=[coco,yolo,webdataset]",
    )  # fmt: skip
    names = set(plan.writers.by_name)
    assert names == set(WRITERS), "every writer that ships"
    samples = list(render.frames(plan))
    dataset = render.write(plan, tmp_path / "data")
    for sample, stored in zip(samples, dataset.frames, strict=True):
        live = SampleView(
            sample=sample, instances=instance_rows(sample), names=plan.names, depth_unit_m=1e-4
        )

        files = plan.writers.frame_files(live)
        assert files == plan.writers.frame_files(stored)
        assert sorted(files) == [file["path"] for file in stored.row["files"]]
        for path, data in files.items():
            assert (dataset.folder / path).read_bytes() == data
        assert (live.masks == stored.masks).all()
        assert (live.masks_visib == stored.masks_visib).all()
        assert live.theta == stored.theta
        assert live.placement == stored.placement


# Shards, finish


class Bundles(AbstractWriter[NoSettings]):
    """The ids of a shard in one file, and the number of frames in another."""

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return ("bundles/{shard}.bin", "bundles/count.txt")

    def shard_files(
        self, views: Sequence[FrameView], shard_idx: int
    ) -> Mapping[str, Iterable[bytes]]:
        return {f"bundles/{shard_idx:06d}.bin": (view.ids.tobytes() for view in views)}

    def finish_files(self, dataset: Dataset) -> Mapping[str, Iterable[bytes]]:
        return {"bundles/count.txt": iter([b"frames: ", str(len(dataset.frames)).encode()])}


def test_files_of_shards_and_of_the_dataset_are_written_resumed_and_verified(
    tmp_path: Path,
) -> None:
    WRITERS.register("bundles")(Bundles)
    plan = plan_of("output.formats=[bundles]", n_frames=18)
    dataset = render.write(plan, tmp_path / "data")
    written = hashes_of(dataset.folder)
    assert {"bundles/000000.bin", "bundles/000001.bin", "bundles/count.txt"} == {
        path for path in written if path.startswith("bundles/")
    }
    first, second = ((dataset.folder / f"bundles/00000{i}.bin").read_bytes() for i in (0, 1))
    assert first == b"".join(frame.ids.tobytes() for frame in dataset.frames[:16])
    assert second == b"".join(frame.ids.tobytes() for frame in dataset.frames[16:])
    assert (dataset.folder / "bundles/count.txt").read_bytes() == b"frames: 18"
    assert verify(dataset.folder).findings.lines() == []

    # A shard whose file is gone is made again; files of the dataset too.
    (dataset.folder / "bundles/000001.bin").unlink()
    (dataset.folder / "bundles/count.txt").write_text("frames: 17")
    lines = verify(dataset.folder).findings.lines()
    assert any(line.startswith("bundles/000001.bin: is missing") for line in lines)
    assert "bundles/count.txt: is not what the records give" in lines
    render.write(plan, dataset.folder)
    assert hashes_of(dataset.folder) == written

    # Another format in the same folder throws these files away.
    shorter = plan_of("output.formats=[coco]", "overwrite=true")
    render.write(shorter, dataset.folder)
    assert not (dataset.folder / "bundles").exists()


# Bad input


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/tmp/{stem}.csv", "be a plain relative path"),
        ("../{stem}.csv", "stay in the dataset, without .."),
        ("a/../../{stem}.csv", "stay in the dataset, without .."),
        ("a//{stem}.csv", "be a plain relative path"),
        ("a/{stem!r}.csv", "have names alone in its braces"),
        ("a/{stem.csv", "have braces in pairs"),
        ("a/{stem}/x.csv", "have {stem}, {shard} and {part} in the name of the file alone"),
        ("a/{size}.csv", "got size in 'a/{size}.csv'"),
        ("labels/{split}/{stem}.txt", "labels/{split}/{stem}.txt is one of yolo"),
        ("labels/train/00000007.txt", "labels/train/00000007.txt is one of yolo"),
        ("images/{split}/{stem}.jpg", "images/{split}/{stem}.jpg is one of image"),
        ("records/frames-{shard}.parquet", "is one of every dataset"),
        ("records", "is one of every dataset"),
        (".manifest/gl.json", "is one of every dataset"),
        ("data.yaml/{stem}.csv", "is one of yolo"),
    ],
)
def test_a_path_out_of_the_dataset_or_of_another_is_refused_before_the_first_frame(
    path: str, rule: str, tmp_path: Path
) -> None:
    class Astray(Sizes):
        @classmethod
        def paths(cls) -> tuple[str, ...]:
            return (path,)

    WRITERS.register("astray")(Astray)
    with pytest.raises(ConfigError) as caught:
        plan_of("output.formats=[yolo,astray]", f"output_dir={tmp_path / 'data'}")

    assert str(caught.value).startswith("output.formats: astray (tests.unit.test_writer_plugins.")
    assert rule in str(caught.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "given", ["../astray.csv", "/tmp/astray.csv", "labels/train/00000000.txt", "sizes/0.csv"]
)
def test_a_file_that_is_not_declared_is_refused_and_nothing_of_the_frame_is_there(
    given: str, tmp_path: Path
) -> None:
    class Astray(Sizes):
        def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
            return {given: b"", **super().frame_files(view)}

    WRITERS.register("astray")(Astray)
    plan = plan_of("output.formats=[yolo,astray]")
    with pytest.raises(DatasetError) as caught:
        render.write(plan, tmp_path / "data")

    assert str(caught.value).startswith("output.formats: astray (tests.unit.test_writer_plugins.")
    assert "must give frame 0 the files that its paths() declare" in str(caught.value)
    assert str(caught.value).endswith(f"got {given}")
    names = hashes_of(tmp_path / "data")
    assert {name for name in names if not name.startswith(".manifest/")} == set()
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_what_is_no_bytes_is_refused(tmp_path: Path) -> None:
    class Texts(Sizes):
        def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
            return {path: data.decode() for path, data in super().frame_files(view).items()}  # type: ignore[misc]

    WRITERS.register("texts")(Texts)
    with pytest.raises(DatasetError, match=r"texts .* frame 0, .* must be bytes, got str"):
        render.write(plan_of("output.formats=[texts]"), tmp_path / "data")


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    class Lazy(Sizes):
        def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
            return {} if view.frame_idx == 1 else super().frame_files(view)

    WRITERS.register("lazy")(Lazy)
    with pytest.raises(DatasetError, match=r"must give frame 1 the files that .* got none"):
        render.write(plan_of("output.formats=[lazy]"), tmp_path / "data")


def test_a_folder_that_is_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    WRITERS.register("sizes")(Sizes)
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "data" / "sizes")

    with pytest.raises(DatasetError, match="output_dir must hold its folders itself"):
        render.write(plan_of("output.formats=[sizes]"), tmp_path / "data")

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_that_comes_while_frames_are_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()

    class Digs(Sizes):
        def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
            if view.frame_idx == 1:
                for split in ("train", "val"):
                    folder = tmp_path / "data" / "sizes" / split
                    folder.rename(tmp_path / split)
                    os.symlink(tmp_path / "elsewhere", folder)
            return super().frame_files(view)

    WRITERS.register("digs")(Digs)
    with pytest.raises(DatasetError, match="output_dir must hold its folders itself"):
        render.write(plan_of("output.formats=[digs]"), tmp_path / "data")

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_writer_that_fails_in_frame_7_is_named_and_the_dataset_goes_on(tmp_path: Path) -> None:
    class Flaky(Sizes):
        is_broken = True

        def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
            if self.is_broken and view.frame_idx == 7:
                raise ZeroDivisionError("no sizes")
            return super().frame_files(view)

    WRITERS.register("flaky")(Flaky)
    plan = plan_of("output.formats=[flaky]", n_frames=9)
    with pytest.raises(DatasetError) as caught:
        render.write(plan, tmp_path / "data")
    assert str(caught.value).startswith("output.formats: flaky (tests.unit.test_writer_plugins.")
    assert str(caught.value).endswith(
        "must be able to write frame 7, and failed: ZeroDivisionError: no sizes "
        f"(test_writer_plugins.py, line {line_of('raise ZeroDivisionError')})"
    )
    assert not list((tmp_path / "data").rglob("00000007.*"))
    assert len(list((tmp_path / "data" / "images").rglob("*.jpg"))) == 7

    Flaky.is_broken = False
    render.write(plan, tmp_path / "data")
    render.write(plan, tmp_path / "undisturbed")
    assert hashes_of(tmp_path / "data") == hashes_of(tmp_path / "undisturbed")
    assert verify(tmp_path / "data").findings.lines() == []


def test_a_writer_that_fails_at_finish_is_named(tmp_path: Path) -> None:
    class Sinks(Bundles):
        def finish_files(self, dataset: Dataset) -> Mapping[str, Iterable[bytes]]:
            def parts() -> Iterator[bytes]:
                yield b"frames: "
                raise KeyError("count")

            return {"bundles/count.txt": parts()}

    WRITERS.register("sinks")(Sinks)
    with pytest.raises(
        DatasetError, match=r"output.formats: sinks .* the whole dataset, .*'count'"
    ):
        render.write(plan_of("output.formats=[sinks]"), tmp_path / "data")

    assert not (tmp_path / "data" / "bundles" / "count.txt").exists()
    assert not (tmp_path / "data" / "dataset.yaml").exists()


@pytest.mark.parametrize("part", ["paths", "__init__", "accept"])
def test_a_writer_that_fails_before_the_first_frame_is_named(part: str, tmp_path: Path) -> None:
    def fails(*_: Any) -> Any:
        raise LookupError("lost")

    kind = type("Lost", (Sizes,), {part: classmethod(fails) if part == "paths" else fails})
    WRITERS.register("lost")(kind)
    with pytest.raises(ConfigError) as caught:
        render.write(plan_of("output.formats=[lost]"), tmp_path / "data")

    assert str(caught.value).startswith("output.formats: lost (")
    assert str(caught.value).endswith(
        "must be usable, and failed: LookupError: lost "
        f"(test_writer_plugins.py, line {line_of('raise LookupError')})"
    )
    assert not (tmp_path / "data").exists()


def test_what_lacks_paths_is_no_writer() -> None:
    class Idle(AbstractWriter[NoSettings]):
        pass

    with pytest.raises(ConfigError, match=r"Idle must have all that its kind needs.* paths"):
        WRITERS.register("idle")(Idle)


def test_an_unknown_format_lists_those_there_are() -> None:
    WRITERS.register("sizes")(Sizes)
    with pytest.raises(ConfigError) as caught:
        plan_of("output.formats=[coco,voc]")

    assert str(caught.value) == (
        "output.formats must be one of coco, sizes, webdataset, yolo, got 'voc'; one of your own "
        "needs its package named: plugins=[PACKAGE]"
    )


def test_a_raster_is_no_format() -> None:
    with pytest.raises(
        ConfigError, match=r"output\.formats must be one of coco, webdataset, yolo, got 'depth'"
    ):
        plan_of("output.formats=[depth]")


def test_a_key_has_one_writer() -> None:
    class Greedy(Sizes):
        Settings = WRITERS["depth"].Settings

    WRITERS.register("greedy")(Greedy)
    with pytest.raises(ConfigError, match=r"output\.depth must be the key of one writer"):
        plan_of()


def test_a_dataset_whose_writer_is_not_here_is_named(tmp_path: Path) -> None:
    WRITERS.register("sizes")(Sizes)
    folder = render.write(plan_of("output.formats=[sizes]"), tmp_path / "data").folder
    assert verify(folder).findings.lines() == []
    del WRITERS._classes["sizes"]  # as where the plug-in is not named

    with pytest.raises(
        DatasetError, match=r"output\.formats must be one of coco, webdataset, yolo, got 'sizes'"
    ):
        verify(folder)


def test_a_check_that_fails_is_a_problem_of_its_writer(tmp_path: Path) -> None:
    WRITERS.register("sizes")(Sizes)
    folder = render.write(plan_of("output.formats=[sizes]"), tmp_path / "data").folder
    (csv,) = folder.glob("sizes/*/00000001.csv")
    csv.write_text("bolt,1\n")
    name = csv.relative_to(folder).as_posix()
    lines = verify(folder).findings.lines()
    assert f"{name}: frame 1: is not what the records give" in lines

    def fails(self: Any, view: FrameView) -> Mapping[str, bytes]:
        raise ValueError("no more")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sizes, "frame_files", fails)
        lines = verify(folder).findings.lines()
    assert "sizes/{split}/{stem}.csv: frame 0: cannot be checked: ValueError: no more" in lines


def test_maps_that_a_writer_needs_are_made(tmp_path: Path) -> None:
    class Slopes(Sizes):
        maps = ("normals",)

        def frame_files(self, view: FrameView) -> Mapping[str, bytes]:
            path = f"sizes/{view.split}/{view.stem}.csv"
            return {path: str(view.maps["normals"].shape).encode()}

    WRITERS.register("slopes")(Slopes)
    folder = render.write(plan_of("output.formats=[slopes]"), tmp_path / "data").folder

    assert {path.read_text() for path in folder.glob("sizes/*/*.csv")} == {"(72, 96, 3)"}
    assert not (folder / "normals").exists()
    assert Writers.of(plan_of().run.output).maps == ()
