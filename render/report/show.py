"""The sheet of one model: found, looked at, drawn, written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render.engine.base import AbstractEngine
from render.errors import AssetError, ConfigError
from render.library.diagnose import diagnose
from render.library.models import ModelLibrary
from render.report.lengths import size_text
from render.report.show_sheet import show_sheet
from render.system.files import write_whole

__all__ = ["ModelSheet", "show", "write_sheet"]


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelSheet:
    """A model and its picture.

    Attributes:
        stem: Stem of the model's file.
        sheet: ``(H, 1600, 3)`` uint8, display sRGB.
        text: What it is in a line, and a line for each warning.

    """

    stem: str
    sheet: NDArray[np.uint8]
    text: str


def show(model: str, models_dir: Path, *, engine: Callable[[], AbstractEngine]) -> ModelSheet:
    """Draws the sheet of a model.

    Args:
        model: Path of a file, or a name or stem of the models folder.
        models_dir: The models folder.
        engine: Starts what draws, after the model has been found to be usable.

    Raises:
        ConfigError: No such model, or several.
        AssetError: It cannot be used.
        EngineError: The engine cannot draw here.

    """
    library = _library(model, models_dir)
    (report,) = diagnose(library)
    if report.error is not None:
        raise AssetError(library.folder / report.name, report.error)
    with engine() as drawing:
        sheet = show_sheet(library.load(report.name), report, drawing)
    line = f"{report.name}: {size_text(report.size_m)}, {report.triangles:,} triangles"
    text = "\n".join([line, *(f"! {warning}" for warning in report.warnings)])
    return ModelSheet(stem=Path(report.name).stem, sheet=sheet, text=text)


def write_sheet(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Writes the picture as PNG or JPEG, in a folder that is made where there is none.

    Raises:
        ConfigError: The path has another ending, or cannot be written to.

    """
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ConfigError(f"--out must end in .png or .jpg, got {path}")
    _, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out must be writable, got {path}: {error.strerror}") from error
    write_whole(path, data.tobytes())


def _library(model: str, models_dir: Path) -> ModelLibrary:
    """A library that holds the one model."""
    path = Path(model)
    if path.is_file():
        # In the models folder its category and side files are those of a run.
        inside = models_dir.is_dir() and path.resolve().is_relative_to(models_dir.resolve())
        folder = models_dir if inside else path.parent
        name = path.resolve().relative_to(models_dir.resolve()).as_posix() if inside else path.name
        return ModelLibrary(folder, include=[name])
    library = ModelLibrary(models_dir, include=[model])
    if len(library.names) > 1:
        raise ConfigError(
            f"MODEL must name one model, got {model!r}, which names {', '.join(library.names)}"
        )
    return library
