"""What a process on another machine refuses to render for."""

from __future__ import annotations

from pathlib import Path

import pytest

from render.config.trust import all_versions
from render.errors import DatasetError, EngineError
from render.execute.elsewhere import Origin


def origin(folder: Path, **versions: str) -> Origin:
    return Origin(
        config={"plugins": []},
        folder=folder,
        cwd=str(Path.cwd()),
        versions=all_versions(()) | versions,
    )


def test_machine_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"machine \S+ has render .*, but the run render 0\.0\.9"):
        origin(tmp_path, render="0.0.9").start(0, owns_gpu=False)


def test_machine_that_does_not_see_the_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="must be a folder that all machines share"):
        origin(tmp_path / "data").start(0, owns_gpu=False)
