"""`python -m render.show MODEL`: one picture of a model from eight sides.

With axes, size and rulers, so that one sees at once whether it came in right.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.engine import PyrenderEngine
from render.errors import AssetError, ConfigError, RenderError
from render.library.diagnose import diagnose
from render.library.models import ModelLibrary
from render.report.lengths import size_text
from render.report.show_sheet import show_sheet
from render.system.console import say
from render.system.files import write_whole
from render.system.paths import find_assets

__all__ = ["main", "show"]


def show(model: str, *, models_dir: Path | None = None) -> tuple[NDArray[np.uint8], str, str]:
    """Draws the sheet of a model.

    Args:
        model: Path of a file, or a name or stem of the models folder.
        models_dir: Default: ``./assets/models``, or the starter set.

    Returns:
        The picture (``(H, 1600, 3)`` sRGB), the model's stem, and a line about it.

    Raises:
        ConfigError: No such model, or several.
        AssetError: It cannot be used.
        EngineError: No GL platform works.

    """
    library = _library(model, models_dir or find_assets("models"))
    (report,) = diagnose(library)
    if report.error is not None:
        raise AssetError(library.folder / report.name, report.error)
    with PyrenderEngine() as engine:
        sheet = show_sheet(library.load(report.name), report, engine)
    told = f"{report.name}: {size_text(report.size_m)}, {report.triangles:,} triangles"
    return sheet, Path(report.name).stem, "\n".join([told, *(f"! {w}" for w in report.warnings)])


def main(argv: list[str] | None = None) -> None:
    """Entry point; exits with 1 if the model cannot be shown."""
    parser = argparse.ArgumentParser(prog="python -m render.show", description=__doc__)
    parser.add_argument("model", help="path of a file, or a name or stem of the models folder")
    parser.add_argument("-o", "--out", type=Path, help="PNG file (default: <stem>_show.png here)")
    parser.add_argument(
        "--models-dir", type=Path, help="default: ./assets/models, or the starter set"
    )
    args = parser.parse_args(argv)
    try:
        sheet, stem, told = show(args.model, models_dir=args.models_dir)
        out: Path = args.out or Path(f"{stem}_show.png")
        _write(out, sheet)
    except RenderError as error:
        sys.exit(f"error: {error}")
    say(f"{told}\nwritten: {out}")


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


def _write(path: Path, rgb: NDArray[np.uint8]) -> None:
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ConfigError(f"--out must end in .png or .jpg, got {path}")
    _, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out must be writable, got {path}: {error.strerror}") from error
    write_whole(path, data.tobytes())


if __name__ == "__main__":
    main()
