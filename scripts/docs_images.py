"""The README's pictures: a sheet of default frames, and one frame with its labels."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render.report.drawing import category_colors, draw_labels, drawn_label
from render.writers.records import read_frames, read_instances

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
COLUMNS, ROWS, CELL_WH = 4, 3, (400, 300)


def main() -> None:
    """Renders, puts together, writes."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        command = [sys.executable, "-m", "render.run", f"output_dir={folder}"]
        subprocess.run([*command, f"n_frames={COLUMNS * ROWS}"], check=True)
        write("frames.jpg", sheet(folder))
        write("labels.jpg", labelled(folder))


def picture(folder: Path, frame: dict[str, object]) -> NDArray[np.uint8]:
    """RGB of one frame."""
    path = folder / "images" / str(frame["split"]) / str(frame["file_name"])
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def sheet(folder: Path) -> NDArray[np.uint8]:
    """The first frames side by side."""
    frames = list(read_frames(folder / "records"))
    cells = [
        cv2.resize(picture(folder, frame), CELL_WH, interpolation=cv2.INTER_AREA)
        for frame in frames
    ]
    rows = [np.hstack(cells[i * COLUMNS : (i + 1) * COLUMNS]) for i in range(ROWS)]
    return np.vstack(rows)


def labelled(folder: Path) -> NDArray[np.uint8]:
    """The frame with the most hidden parts, twice as large, with all that is known of it."""
    instances = list(read_instances(folder / "records"))

    def hidden(frame: dict[str, object]) -> float:
        rows = [r for r in instances if r["frame_idx"] == frame["frame_idx"]]
        return sum(r["occluded_fract"] or 0.0 for r in rows if r["role"] == "target")

    frame = max(read_frames(folder / "records"), key=hidden)
    rows = [
        row
        for row in instances
        if row["frame_idx"] == frame["frame_idx"]
        and row["role"] == "target"
        and not row["filtered"]
    ]
    colors = category_colors(sorted({row["category"] for row in instances}))
    labels = [
        drawn_label(
            row,
            text=f"{row['category']} {row['visib_fract']:.0%} visible",
            color=colors[row["category"]],
        )
        for row in rows
    ]
    return draw_labels(picture(folder, frame), labels, scale=2)


def write(name: str, rgb: NDArray[np.uint8]) -> None:
    """One JPEG under docs/images."""
    cv2.imwrite(str(OUT / name), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
