"""Datasets of format 1, which called the folder of ids ``masks``, are read as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from render.config.run_config import identity_of, sha256_of
from render.errors import DatasetError
from render.report.verify.dataset import verify
from tests.e2e.cli import render


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset as version 0.1.0 wrote it."""
    cwd = tmp_path_factory.mktemp("old")
    render("output_dir=data", "n_frames=3", "output.depth=true", cwd=cwd)
    folder = cwd / "data"
    shutil.rmtree(folder / ".manifest")
    (folder / "ids").rename(folder / "masks")
    for path in (folder / "records").glob("frames-*.parquet"):
        schema, rows = pq.read_schema(path), pq.read_table(path).to_pylist()
        for file in (file for row in rows for file in row["files"]):
            file["path"] = file["path"].replace("ids/", "masks/")
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    told = yaml.safe_load((folder / "dataset.yaml").read_text())
    for key in ("format_version", "run_config_sha256"):
        del told[key]
    for output in (told["output"], told["config"]["output"]):
        output["masks"] = output.pop("ids")
    told["config_sha256"] = sha256_of(identity_of(told["config"]))
    (folder / "dataset.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    return folder


def test_format_1_verifies(old: Path) -> None:
    verdict = verify(old)

    assert verdict.findings.lines() == []
    assert verdict.frames == 3


def test_a_wrong_id_of_format_1_is_found(old: Path, tmp_path: Path) -> None:
    shutil.copytree(old, tmp_path / "data")
    path = tmp_path / "data" / "masks" / "train" / "00000001.png"
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert ids is not None
    ids[5, 8] += 1
    cv2.imwrite(str(path), ids)

    lines = verify(tmp_path / "data").findings.lines()

    assert any("1 px differ from the records' visible masks" in line for line in lines)
    assert {line.partition(":")[0] for line in lines} == {"masks/train/00000001.png"}


def test_a_format_of_the_future_is_refused(old: Path, tmp_path: Path) -> None:
    told = yaml.safe_load((old / "dataset.yaml").read_text())
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(told | {"format_version": 3}))

    with pytest.raises(DatasetError, match="format_version is 3, known here are 1 to 2"):
        verify(tmp_path)
