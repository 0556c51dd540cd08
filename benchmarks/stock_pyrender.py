"""What one would write with pyrender alone: the yardstick of the speed benchmark.

Reads poses, renders each frame with pyrender's own passes, and writes the outputs that this
project writes by default and more: JPEG, id PNG, depth PNG, COCO with visible and amodal masks.
It is meant to be good: meshes are loaded and uploaded once, one renderer is kept, ids come
from the SEG flag, amodal masks from one SEG pass for each object, OpenCV does the files.

It does less than the project does: no near-plane clipping, no silhouettes outside the frame,
no sensor, no resume; and pyrender's SEG pass blends ids where objects meet.

    python -m benchmarks.stock_pyrender POSES.json OUTPUT_DIR [WARM_FRAMES]
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("PYOPENGL_PLATFORM", "egl")

import numpy as np

if not hasattr(np, "infty"):
    np.infty = np.inf  # noqa: NPY201  pyrender 0.1.45 on NumPy 2

import pyglet

pyglet.options["headless"] = True

import cv2
import pyrender
import trimesh
from numpy.typing import NDArray
from pycocotools import mask as rle

DEPTH_UNIT_M = 1e-4
JPEG_QUALITY = 95
CV_FROM_GL = np.diag([1.0, -1.0, -1.0, 1.0])


def load_meshes(frames: list[dict[str, Any]]) -> dict[str, pyrender.Mesh]:
    """Every model that any frame names, once."""
    paths = sorted({obj["path"] for frame in frames for obj in frame["objects"]})
    meshes = {}
    for path in paths:
        parts = trimesh.load(path, force="scene").dump()
        meshes[path] = pyrender.Mesh.from_trimesh(list(parts))
    return meshes


def make_scene() -> pyrender.Scene:
    """Three lights, as everybody sets them up."""
    scene = pyrender.Scene(bg_color=(0.5, 0.5, 0.5, 1.0), ambient_light=(0.3, 0.3, 0.3))
    for direction in ((-1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, -1.0, 1.0)):
        back = np.asarray(direction) / np.linalg.norm(direction)
        right = np.cross((0.0, 1.0, 0.0), back)
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
        scene.add(pyrender.DirectionalLight(intensity=3.0), pose=pose)
    return scene


def add_objects(
    scene: pyrender.Scene, objects: list[dict[str, Any]], meshes: dict[str, pyrender.Mesh]
) -> list[pyrender.Node]:
    """One node each; the camera stands at the origin, so poses are camera poses."""
    nodes = []
    for obj in objects:
        pose = np.eye(4)
        pose[:3, :3] = np.reshape(obj["R"], (3, 3)) * obj["scale"]
        pose[:3, 3] = obj["t"]
        node = pyrender.Node(mesh=meshes[obj["path"]], matrix=CV_FROM_GL @ pose)
        scene.add_node(node)
        nodes.append(node)
    return nodes


def render_ids(
    renderer: pyrender.OffscreenRenderer, scene: pyrender.Scene, nodes: dict[pyrender.Node, int]
) -> NDArray[np.uint8]:
    """``(H, W)`` uint8: the id of the node at each pixel, 0 for none."""
    colors = {node: (node_id, 0, 0) for node, node_id in nodes.items()}
    seg, _ = renderer.render(scene, pyrender.RenderFlags.SEG, colors)
    return np.ascontiguousarray(seg[..., 0])


def annotate(
    obj: dict[str, Any], mask: NDArray[np.bool_], amodal: NDArray[np.bool_]
) -> dict[str, Any]:
    """One COCO annotation, from the two masks."""
    encoded = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
    whole = rle.encode(np.asfortranarray(amodal, dtype=np.uint8))
    px_count = int(rle.area(encoded))
    px_count_all = int(rle.area(whole))
    return {
        "category_id": obj["category_id"],
        "iscrowd": 0,
        "bbox": rle.toBbox(encoded).tolist(),
        "bbox_obj": rle.toBbox(whole).tolist(),
        "area": px_count,
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode()},
        "segmentation_amodal": {"size": whole["size"], "counts": whole["counts"].decode()},
        "visib_fract": px_count / px_count_all if px_count_all else None,
    }


def render_frame(
    frame: dict[str, Any],
    *,
    renderer: pyrender.OffscreenRenderer,
    scene: pyrender.Scene,
    meshes: dict[str, pyrender.Mesh],
    output_dir: Path,
) -> list[dict[str, Any]]:
    """Files of one frame to disk; its annotations back."""
    K = np.reshape(frame["K"], (3, 3))
    camera = pyrender.IntrinsicsCamera(
        fx=K[0, 0],
        fy=K[1, 1],
        cx=K[0, 2] + 0.5,
        cy=K[1, 2] + 0.5,
        znear=frame["near_m"],
        zfar=frame["far_m"],
    )
    camera_node = scene.add(camera)
    nodes = add_objects(scene, frame["objects"], meshes)

    color, depth_m = renderer.render(scene)
    ids = render_ids(renderer, scene, {node: i + 1 for i, node in enumerate(nodes)})
    annotations = []
    for i, (node, obj) in enumerate(zip(nodes, frame["objects"])):
        amodal = render_ids(renderer, scene, {node: 1}) > 0
        annotations.append(annotate(obj, ids == i + 1, amodal))

    stem = f"{frame['frame_idx']:08d}"
    bgr = cv2.cvtColor(color, cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    cv2.imwrite(str(output_dir / "images" / f"{stem}.jpg"), bgr, quality)
    cv2.imwrite(str(output_dir / "ids" / f"{stem}.png"), ids.astype(np.uint16))
    depth_units = np.minimum(depth_m / DEPTH_UNIT_M, 65535).astype(np.uint16)
    cv2.imwrite(str(output_dir / "depth" / f"{stem}.png"), depth_units)
    for node in (camera_node, *nodes):
        scene.remove_node(node)
    return annotations


def main(poses_path: Path, output_dir: Path, warm: int = 0) -> None:
    """Render all frames; print the seconds of those after the first ones as a line of JSON."""
    poses = json.loads(poses_path.read_text())
    frames = poses["frames"]
    for folder in ("images", "ids", "depth"):
        (output_dir / folder).mkdir(parents=True, exist_ok=True)
    meshes = load_meshes(frames)
    scene = make_scene()
    width, height = poses["size_wh"]
    renderer = pyrender.OffscreenRenderer(width, height)

    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i, frame in enumerate(frames):
        if i == warm:
            began_s = time.perf_counter()
        image_id = frame["frame_idx"] + 1
        found = render_frame(
            frame, renderer=renderer, scene=scene, meshes=meshes, output_dir=output_dir
        )
        name = f"{frame['frame_idx']:08d}.jpg"
        images.append({"id": image_id, "file_name": name, "width": width, "height": height})
        for annotation in found:
            annotations.append(annotation | {"id": len(annotations) + 1, "image_id": image_id})
    loop_s = time.perf_counter() - began_s
    coco = {"images": images, "annotations": annotations, "categories": poses["categories"]}
    (output_dir / "instances.json").write_text(json.dumps(coco))
    renderer.delete()
    print(json.dumps({"frames": len(frames) - warm, "loop_s": loop_s}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
