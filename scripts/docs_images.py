"""The pictures of README and docs: default frames, labels, what is asked, what is covered."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from render.dataset.records import read_frames, read_instances
from render.geometry.frames import look_at
from render.report.drawing import category_colors, draw_labels, drawn_label

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
COLUMNS, ROWS, CELL_WH = 4, 3, (400, 300)
TASKS = (
    "n_frames=6", "labels.keypoints=8", "labels.symmetries=search", "labels.obb=true",
    "output.normals=true", "output.nocs=true", "output.parts=true", "background=tabletop",
)  # fmt: skip
SIZES_M = {"bolt": 0.08, "nut": 0.05, "bearing": 0.06, "valve": 0.1, "bracket": 0.09}
BIN = (
    "n_frames=4", "objects=pile", "objects.count=18", "occlusion=none", "background=floor",
    "camera.fov_deg=42", "objects.region_m=[-0.19,0.19,-0.19,0.19,0,0.2]",
    "fixtures=[{model:bin,T_world_obj:[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]}]",
    f"models=[{','.join(SIZES_M)}]",
    "objects.size_m_by_category="
    f"[{','.join(f'{{category:{name},size_m:{size}}}' for name, size in SIZES_M.items())}]",
)  # fmt: skip
TARGETS = (
    "n_frames=500", "objects=scatter", "objects.count=3", "occlusion=occluded", "truncation=some",
    "scale.size_px=[uniform,40,200]", "lighting=sun", "background=photo", "sensor=clean",
)  # fmt: skip

COVERAGE = (
    "n_frames=1000", "objects=single", "models=[bolt,mug,die]", "background=color",
    "lighting=fixed", "occlusion=occluded", "sensor=clean", "camera.size_wh=[96,64]",
)  # fmt: skip


def main() -> None:
    """Renders, puts together, writes."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder) / "data"
        run(folder, f"n_frames={COLUMNS * ROWS}")
        write("frames.jpg", sheet(folder))
        write("labels.jpg", labelled(folder))
        folder = Path(name_of_folder) / "tasks"
        run(folder, *TASKS)
        write("tasks.jpg", tasks(folder, frame_idx=5))
        cell = Path(name_of_folder) / "cell"
        make_bin(cell)
        T = look_at(np.array([0.25, -0.45, 0.7]), np.array([0.0, 0.0, 0.02])).ravel().tolist()
        folder = Path(name_of_folder) / "bin"
        run(folder, *BIN, f"assets.fixtures_dir={cell}", f"camera.T_world_cam={T}")
        write("bin.jpg", np.hstack(cells(folder)))
        for name in ("occlusion", "truncation"):
            folder = Path(name_of_folder) / name
            run(folder, f"experiment=example_{name}", "n_frames=5")
            write(f"{name}.jpg", np.hstack(cells(folder)))
        folder = Path(name_of_folder) / "targets"
        run(folder, *TARGETS)
        shutil.copy(folder / "achieved.png", OUT / "achieved.png")
        folder = Path(name_of_folder) / "coverage"
        run(folder, *COVERAGE)
        subprocess.run([sys.executable, "-m", "render.coverage", str(folder)], check=True)
        shutil.copy(folder / "coverage.png", OUT / "coverage.png")


def make_bin(folder: Path) -> None:
    """An open box of 0.4 m, as a fixture."""
    folder.mkdir()
    side, high, thick = 0.4, 0.12, 0.01
    boxes = [((side, side, thick), (0.0, 0.0, -thick / 2))]
    for sign in (-1, 1):
        boxes.append(((thick, side, high), (sign * side / 2, 0.0, high / 2)))
        boxes.append(((side, thick, high), (0.0, sign * side / 2, high / 2)))
    meshes = []
    for size, center in boxes:
        mesh = trimesh.creation.box(size)
        mesh.apply_translation(center)
        meshes.append(mesh)
    trimesh.util.concatenate(meshes).export(folder / "bin.ply")


def run(folder: Path, *overrides: str) -> None:
    """Renders a dataset."""
    command = [sys.executable, "-m", "render.run", f"output_dir={folder}", *overrides]
    subprocess.run(command, check=True)


def picture(folder: Path, frame: dict[str, object]) -> NDArray[np.uint8]:
    """RGB of one frame."""
    path = folder / "images" / str(frame["split"]) / str(frame["file_name"])
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def sheet(folder: Path) -> NDArray[np.uint8]:
    """The first frames side by side."""
    small = cells(folder)
    return np.vstack([np.hstack(small[i * COLUMNS : (i + 1) * COLUMNS]) for i in range(ROWS)])


def cells(folder: Path) -> list[NDArray[np.uint8]]:
    """All frames, small."""
    return [
        cv2.resize(picture(folder, frame), CELL_WH, interpolation=cv2.INTER_AREA)
        for frame in read_frames(folder)
    ]


def labelled(folder: Path) -> NDArray[np.uint8]:
    """The frame with the most hidden parts, twice as large, with all that is known of it."""
    instances = list(read_instances(folder))

    def hidden(frame: dict[str, object]) -> float:
        rows = [r for r in instances if r["frame_idx"] == frame["frame_idx"]]
        return sum(r["occluded_fract"] or 0.0 for r in rows if r["role"] == "target")

    frame = max(read_frames(folder), key=hidden)
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


def tasks(folder: Path, *, frame_idx: int) -> NDArray[np.uint8]:
    """A frame with keypoints, oriented and 3D boxes; its normals, object coordinates, parts."""
    frame = next(f for f in read_frames(folder) if f["frame_idx"] == frame_idx)
    rows = [r for r in read_instances(folder) if r["frame_idx"] == frame_idx]
    targets = [r for r in rows if r["role"] == "target" and not r["filtered"]]
    colors = category_colors(sorted({r["category"] for r in targets}))
    labels = [drawn_label(r, text=r["category"], color=colors[r["category"]]) for r in targets]
    labels = [replace(label, bbox_obj=None, bbox_visib=None, text="") for label in labels]
    drawn = draw_labels(picture(folder, frame), labels)
    for row in targets:
        if row["box3d_corners_uv"] is None:
            continue
        corners = np.rint(16 * np.array(row["box3d_corners_uv"]).reshape(8, 2)).astype(int)
        for a, b in ((i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit):
            ends = tuple(corners[a].tolist()), tuple(corners[b].tolist())
            cv2.line(drawn, *ends, colors[row["category"]], 1, cv2.LINE_AA, 4)
    cells = [drawn]
    for name in ("normals", "nocs", "parts"):
        path = folder / name / str(frame["split"]) / f"{frame_idx:08d}.png"
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image.ndim == 2:
            hues = np.stack([image * 47 % 180, 0 * image + 170, 255 * (image > 0)], axis=2)
            cells.append(cv2.cvtColor(hues.astype(np.uint8), cv2.COLOR_HSV2RGB))
        else:
            cells.append(np.ascontiguousarray((image >> 8).astype(np.uint8)[..., ::-1]))
    return np.hstack([cv2.resize(c, CELL_WH, interpolation=cv2.INTER_AREA) for c in cells])


def write(name: str, rgb: NDArray[np.uint8]) -> None:
    """One JPEG under docs/images."""
    cv2.imwrite(str(OUT / name), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
