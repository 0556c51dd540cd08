"""The stream in torch's loaders, beside runs to memory and to disk, and in a training."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import render
from tests.unit.test_stream import N_FRAMES, WORDS, bytes_of_pair, taken

torch = pytest.importorskip(
    "torch", reason="torch is not installed here: scripts/test --torch runs these"
)


@pytest.fixture(scope="module")
def plan() -> render.Plan:
    return render.compose(*WORDS, f"n_frames={N_FRAMES}")


@pytest.fixture(scope="module")
def expected(plan: render.Plan) -> list[Any]:
    """The first pairs of all, in this process."""
    return [bytes_of_pair(pair) for pair in taken(render.stream(plan), 12)]


def loader_of(stream: Any, *, workers: int, context: str | None = "fork") -> Any:
    return torch.utils.data.DataLoader(
        stream,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context=context if workers else None,
    )


def first_of(loader: Any, n: int) -> list[Any]:
    return [bytes_of_pair(pair) for pair in itertools.islice(loader, n)]


@pytest.mark.parametrize(("workers", "context"), [(0, None), (2, "fork"), (2, "spawn")])
def test_a_loader_gives_every_frame_once_and_in_order(
    plan: render.Plan, expected: list[Any], workers: int, context: str | None
) -> None:
    stream = render.stream(plan)
    assert isinstance(stream, torch.utils.data.IterableDataset)

    assert first_of(loader_of(stream, workers=workers, context=context), 8) == expected[:8]


def test_two_ranks_of_two_workers_give_every_frame_once(
    plan: render.Plan, expected: list[Any]
) -> None:
    given = [
        first_of(loader_of(render.stream(plan, rank=rank, world=2), workers=2), 6)
        for rank in range(2)
    ]

    assert [i for i, _ in given[0]] == [0, 1, 4, 5, 8, 9]
    assert [i for i, _ in given[1]] == [2, 3, 6, 7, 10, 11]
    assert sorted([*given[0], *given[1]]) == expected


def test_a_pair_is_what_transforms_expect(plan: render.Plan) -> None:
    tv_tensors = pytest.importorskip("torchvision.tv_tensors", reason="torchvision: not here")
    from torchvision.transforms import v2

    # Through a worker, whose pairs are pickled.
    image, target = next(iter(loader_of(render.stream(plan), workers=1)))
    assert isinstance(image, tv_tensors.Image)
    assert (image.dtype, image.shape) == (torch.uint8, (3, 72, 96))
    boxes, masks = target["boxes"], target["masks"]
    assert isinstance(boxes, tv_tensors.BoundingBoxes)
    assert (boxes.format, boxes.canvas_size) == (tv_tensors.BoundingBoxFormat.XYXY, (72, 96))
    assert (boxes.dtype, boxes.shape) == (torch.float32, (len(masks), 4))
    assert isinstance(masks, tv_tensors.Mask)
    assert (masks.dtype, masks.shape[1:]) == (torch.bool, (72, 96))
    assert target["labels"].dtype == torch.int64
    assert len(boxes) > 0

    flipped, moved = v2.RandomHorizontalFlip(p=1.0)(image, target)
    assert torch.equal(flipped, image.flip(-1))
    assert torch.equal(moved["masks"], masks.flip(-1))
    # Boxes went where the masks did.
    for box, mask in zip(moved["boxes"], moved["masks"], strict=True):
        y, x = torch.nonzero(mask, as_tuple=True)
        assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]


def test_without_torchvision_a_pair_is_plain_tensors(
    plan: render.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    ((image, target),) = taken(render.stream(plan), 1)

    tensors = (image, *(target[name] for name in ("boxes", "labels", "masks")))
    assert [type(one) for one in tensors] == [torch.Tensor] * 4


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_goes_on_where_it_was(
    plan: render.Plan, expected: list[Any], workers: int
) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata: not here")

    def loader() -> Any:
        return stateful.StatefulDataLoader(
            render.stream(plan), batch_size=None, num_workers=workers
        )

    before = loader()
    frames = iter(before)
    assert [bytes_of_pair(next(frames)) for _ in range(5)] == expected[:5]
    state = before.state_dict()
    after = loader()
    after.load_state_dict(torch_round_trip(state))

    assert first_of(after, 5) == expected[5:10]


def torch_round_trip(state: Any) -> Any:
    """As a checkpoint keeps it: only what torch loads without trusting the file."""
    import io

    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_place_is_saved_and_restored(plan: render.Plan, expected: list[Any]) -> None:
    stream = render.stream(plan)
    taken(stream, 4)
    other = render.stream(plan)
    other.load_state_dict(json.loads(json.dumps(stream.state_dict())))

    assert first_of(loader_of(other, workers=0), 4) == expected[4:8]


def test_frames_are_those_of_a_run_to_disk(tmp_path: Path, expected: list[Any]) -> None:
    """Read by other libraries; the second epoch is in a run of twice the length."""
    words = (*WORDS, f"n_frames={2 * N_FRAMES}", "output.image=png", "output.ids=true")
    folder = tmp_path / "data"
    render.write(render.compose(*words), folder)
    plan = render.compose(*WORDS, f"n_frames={N_FRAMES}")
    pairs = list(itertools.islice(loader_of(render.stream(plan), workers=2), 2 * N_FRAMES))

    pictures = sorted(folder.glob("images/*/*.png"), key=lambda path: path.name)
    assert [int(path.stem) for path in pictures] == list(range(2 * N_FRAMES))
    rows = {}
    for split in ("train", "val"):
        coco = json.loads((folder / "annotations" / f"instances_{split}.json").read_text())
        names = {image["id"]: int(image["file_name"][:8]) for image in coco["images"]}
        for one in coco["annotations"]:
            rows.setdefault(names[one["image_id"]], []).append(one)
    for path, (image, target) in zip(pictures, pairs, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)).transpose(2, 0, 1), image)
        found = rows.get(int(path.stem), [])
        assert target["labels"].tolist() == [one["category_id"] for one in found]
        for box, (x, y, w, h) in zip(target["boxes"], (one["bbox"] for one in found), strict=True):
            assert box.tolist() == [x, y, x + w, y + h]
    assert len({image.numpy().tobytes() for image, _ in pairs}) == 2 * N_FRAMES, "none twice"


class Segmenter(torch.nn.Module):
    """Tells for each pixel what category it shows; no detector of torchvision's."""

    def __init__(self, n_categories: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Conv2d(8, n_categories + 1, 3, padding=1),
        )

    def forward(self, images: Any) -> Any:
        return self.layers(images)


def classes_of(target: Any) -> Any:
    """``(H, W)``: the category of each pixel, 0 the background."""
    classes = torch.zeros(target["masks"].shape[1:], dtype=torch.int64)
    for label, mask in zip(target["labels"], target["masks"], strict=True):
        classes[mask.as_subclass(torch.Tensor)] = label
    return classes


def test_three_steps_of_training(plan: render.Plan) -> None:
    torch.manual_seed(0)
    model = Segmenter(len(plan.categories))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = list(itertools.islice(loader_of(render.stream(plan), workers=2), 4))
    images = torch.stack([image.as_subclass(torch.Tensor) for image, _ in batch]) / 255
    classes = torch.stack([classes_of(target) for _, target in batch])
    assert len(classes.unique()) == len(plan.categories) + 1, "the batch shows all of them"
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), classes)
        loss.backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        assert all(torch.isfinite(one).all() and one.abs().sum() > 0 for one in gradients)
        optimizer.step()
        losses.append(loss.item())

    assert np.isfinite(losses).all()
    assert losses[2] < losses[1] < losses[0]
