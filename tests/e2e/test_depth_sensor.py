"""A run whose depth is measured by sensors: files, records, tars, replay, what verify finds."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

import render
from render.dataset.findings import Findings
from render.dataset.frame import Frame
from render.job.replay import render_again
from render.report.verify.dataset import verify

WORDS = (
    "n_frames=4", "camera.size_wh=[160,120]", "models=[bolt,mug,die]", "val_fraction=0.25",
    "output.depth=true", "sensor=clean", "objects.count=3",
    "output.formats=[coco,webdataset]",
)  # fmt: skip
MEASURED = (
    "output.depth_sensor=true", "sensor.depth=[levels,exact,stereo,structured_light,tof]",
    "sampling=grid", "sensor.depth_range_m=[0.02,8]", "sensor.depth_baseline_m=0.02",
)  # fmt: skip


def made(folder: Path, *words: str) -> dict[str, bytes]:
    """Every file of a run but what tells of its machine."""
    dataset = render.write(render.compose(*WORDS, *words), folder)
    return {
        path.relative_to(dataset.folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "dataset.yaml" and ".manifest" not in path.parts
    }


@pytest.fixture(scope="module", params=["cpu", "pyrender"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def measured(
    engine: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("measured") / "data"
    return folder, made(folder, f"engine={engine}", "workers=1", *MEASURED)


def raster(files: dict[str, bytes], frame: Frame, kind: str) -> np.ndarray:
    data = files[f"{kind}/{frame.split}/{frame.stem}.png"]
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert (image.dtype, image.shape) == (np.uint16, (120, 160))
    return np.asarray(image)


def test_depth_is_measured_beside_the_exact_one(measured: tuple[Path, dict[str, bytes]]) -> None:
    folder, files = measured
    frames = render.open(folder).frames
    kinds = [frame.theta.sensor.depth for frame in frames]
    assert set(kinds) == {"exact", "stereo", "structured_light", "tof"}
    for frame in frames:
        exact, given = raster(files, frame, "depth"), raster(files, frame, "depth_sensor")
        np.testing.assert_allclose(frame.depth_sensor_m, given * np.float64(1e-4), rtol=1e-6)
        if frame.theta.sensor.depth == "exact":
            np.testing.assert_array_equal(given, exact)
            continue
        both = (given > 0) & (exact > 0)
        assert both.sum() > 0.15 * (exact > 0).sum()
        assert not np.array_equal(given, exact)
        off = np.abs(given.astype(float) - exact)[both] / exact[both]
        assert np.median(off) < 0.1
        paths = [entry["path"] for entry in frame.row["files"]]
        assert f"depth_sensor/{frame.split}/{frame.stem}.png" in paths
        tar = next(
            data for name, data in files.items() if name.startswith(f"webdataset/{frame.split}")
        )
        with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
            member = opened.extractfile(f"{frame.stem}.depth_sensor.png")
            assert member is not None
            assert member.read() == files[f"depth_sensor/{frame.split}/{frame.stem}.png"]
    assert verify(folder).findings.lines() == []


def test_other_files_are_as_without_a_sensor_and_workers_change_nothing(
    engine: str, measured: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    _, files = measured
    assert made(tmp_path / "two", f"engine={engine}", "workers=2", *MEASURED) == files

    plain = made(tmp_path / "plain", f"engine={engine}", "workers=1", "sampling=grid")

    kinds = ("images/", "depth/", "ids/")
    same = [name for name in plain if name.startswith(kinds)]
    assert len(same) == 12
    assert [files[name] for name in same] == [plain[name] for name in same]
    assert not any(name.startswith("depth_sensor/") for name in plain)


def test_every_frame_is_replayed_byte_for_byte(measured: tuple[Path, dict[str, bytes]]) -> None:
    folder, _ = measured
    findings = Findings()

    render_again(folder, 4, findings, ())

    assert findings.lines() == []


def test_verify_finds_measurements_that_the_sensor_cannot_give(
    measured: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    folder, _ = measured
    shutil.copytree(folder, tmp_path / "data")
    frames = {f.theta.sensor.depth: f for f in render.open(folder).frames}
    wanted = {"exact": "are not where their object is", "stereo": "px are beyond the range"}
    for kind in wanted:
        path = tmp_path / "data" / "depth_sensor" / frames[kind].split / f"{frames[kind].stem}.png"
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert image is not None
        image[image > 0] = 65535 if kind == "exact" else 150
        cv2.imwrite(str(path), image)

    lines = verify(tmp_path / "data").findings.lines()

    for kind, said in wanted.items():
        where = f"depth_sensor/{frames[kind].split}/{frames[kind].stem}.png"
        told = [line for line in lines if line.startswith(where)]
        assert any(said in line for line in told), told
