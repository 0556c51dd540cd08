"""Files of a dataset that are torn, and datasets that are thrown away: nothing is lost by it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from render.config.run_config import RunConfig
from render.dataset.folder import claim, held, reopen
from render.dataset.layout import Layout
from render.dataset.manifest import Manifest
from render.errors import DatasetError
from render.job.run_job import run_job
from render.writers.chosen import Writers
from tests.e2e.cli import bytes_of
from tests.spaces import composed

WORDS = (
    "camera.size_wh=[64,48]", "models=[die]", "objects=single", "occlusion=none", "scale=fixed",
    "background=color", "lighting=fixed", "sensor=clean", "workers=1", "val_fraction=0.5",
    "n_frames=2",
)  # fmt: skip
IDENTITY = ".manifest/identity.json"


def config_of(folder: Path, *words: str) -> dict[str, Any]:
    return composed(*WORDS, f"output_dir={folder}", *words)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "data"
    run_job(config_of(folder))
    return folder


@pytest.fixture
def data(whole: Path) -> Path:
    """The finished dataset; each test may do with it what it likes."""
    before = whole.with_name("before")
    if not before.exists():
        shutil.copytree(whole, before)
    shutil.rmtree(whole)
    shutil.copytree(before, whole)
    return whole


def pieces(folder: Path) -> tuple[RunConfig, Layout]:
    config = config_of(folder)
    return RunConfig.of({**config, "overwrite": True}), Writers.of(config["output"]).layout


@pytest.mark.parametrize(
    ("share", "pattern"), [(0.5, "*/*"), (0.0, ".manifest/*"), (0.0, "records/*"), (0.0, "*.yaml")]
)
def test_the_same_command_mends_each_file(share: float, pattern: str, data: Path) -> None:
    wanted = bytes_of(data)
    names = {path.relative_to(data).as_posix() for path in data.rglob(pattern) if path.is_file()}
    for name in sorted(names - {IDENTITY}):
        content = (data / name).read_bytes()
        (data / name).write_bytes(content[: int(share * len(content))])

        run_job(config_of(data))

        assert bytes_of(data) == wanted, name


@pytest.mark.parametrize("text", ["", '{"config": {', "[]", "\x00" * 40])
def test_a_torn_identity_has_a_way_out(text: str, data: Path) -> None:
    wanted = bytes_of(data)
    (data / IDENTITY).write_text(text)
    torn = bytes_of(data)

    with pytest.raises(DatasetError, match=r"identity.json is torn.*overwrite=true throws it away"):
        run_job(config_of(data))
    assert bytes_of(data) == torn
    (data / "thesis.txt").write_text("years of work")
    with pytest.raises(DatasetError, match=r"also holds thesis.txt: move that"):
        run_job(config_of(data, "overwrite=true"))
    (data / "thesis.txt").unlink()
    assert bytes_of(data) == torn

    config = config_of(data, "overwrite=true")
    run_job(config)

    # dataset.yaml tells of overwrite.
    assert {k: v for k, v in bytes_of(data).items() if k != "dataset.yaml"} == {
        k: v for k, v in wanted.items() if k != "dataset.yaml"
    }


def test_what_stands_against_the_new_dataset_is_found_before_the_old_one_is_deleted(
    data: Path, tmp_path: Path
) -> None:
    run, layout = pieces(data)
    shutil.move(data / "ids", tmp_path / "ids")
    (data / "ids").symlink_to(tmp_path / "ids")
    linked = bytes_of(data)
    with pytest.raises(DatasetError, match="must hold its folders itself"):
        claim(run, {}, layout)
    assert bytes_of(data) == linked

    (data / "ids").unlink()
    (data / "data.yaml").unlink()
    (data / "data.yaml").mkdir()
    before = bytes_of(data)
    with pytest.raises(DatasetError, match=r"data.yaml: Is a directory"):
        claim(run, {}, layout)
    assert bytes_of(data) == before


@pytest.mark.parametrize("n_deleted", range(0, 19, 3))
def test_a_deletion_that_was_interrupted_is_ended_by_the_same_command(
    n_deleted: int, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, layout = pieces(data)
    left = n_deleted
    unlink = Path.unlink

    def unlink_some(path: Path, missing_ok: bool = False) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink_some)
        with pytest.raises(KeyboardInterrupt):
            claim(run, {"new": 1}, layout)
    assert (data / IDENTITY).exists() == (n_deleted < 18)
    manifest = Manifest(data)
    assert manifest.identity() != {"new": 1}
    # Without overwrite it is no complete dataset any more, and no new one yet.
    assert n_deleted == 0 or not (data / "dataset.yaml").exists()

    claim(run, {"new": 1}, layout)

    assert manifest.identity() == {"new": 1}
    assert [*bytes_of(data)] == [IDENTITY]


def test_temporaries_of_dead_workers_do_not_stay(data: Path, monkeypatch: Any) -> None:
    """A worker that dies while it writes leaves a file, and another one makes its frame."""
    from render.execute import local

    here = local._here

    def with_a_leftover(plan: Any, frames: Any, **options: Any) -> Any:
        for result in here(plan, frames, **options):
            (data / "images/train/.00000009.jpg.host-4711-1.part").write_bytes(b"half")
            yield result

    wanted = bytes_of(data)
    (data / "images/train/00000000.jpg").unlink()
    monkeypatch.setattr(local, "_here", with_a_leftover)

    run_job(config_of(data))

    assert bytes_of(data) == wanted


def test_a_dataset_is_incomplete_while_it_gets_frames(data: Path) -> None:
    """And what it was is still known: an interrupted top-up takes its config from there."""
    text = (data / "dataset.yaml").read_bytes()

    with held(data):
        reopen(data)
        reopen(data)

    assert not (data / "dataset.yaml").exists()
    assert (data / ".manifest/dataset.yaml").read_bytes() == text
    run_job(config_of(data))
    assert (data / "dataset.yaml").read_bytes() == text
    assert not (data / ".manifest/dataset.yaml").exists()
