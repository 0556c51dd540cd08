"""Streams for training: what they give and where they go on; tests/torch has the loaders."""

from __future__ import annotations

import itertools
import json
import pickle
from typing import Any

import numpy as np
import pytest

import render
from render.job import stream as module
from render.job.stream import Stream, training_pair
from tests.unit.test_api import bytes_of_sample

WORDS = (
    "camera.size_wh=[96,72]", "models=[bolt,die]", "background=color", "lighting=sun", "workers=1",
    "engine=cpu", "labels.min_px=5",
)  # fmt: skip
N_FRAMES = 3


@pytest.fixture(scope="module")
def plan() -> render.Plan:
    return render.compose(*WORDS, f"n_frames={N_FRAMES}")


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)


def taken(stream: Any, n: int) -> list[Any]:
    frames = iter(stream)
    found = list(itertools.islice(frames, n))
    frames.close()  # type: ignore[attr-defined]
    return found


def bytes_of_pair(pair: Any) -> tuple[Any, ...]:
    image, target = pair
    arrays = [np.asarray(target[name]) for name in ("boxes", "labels", "masks")]
    arrays = [np.asarray(image), *arrays]
    return target["image_id"], [(a.dtype.str, a.shape, a.tobytes()) for a in arrays]


@pytest.mark.usefixtures("without_torch")
def test_epochs_are_the_frames_of_a_longer_run(plan: render.Plan) -> None:
    pairs = taken(render.stream(plan), 2 * N_FRAMES)
    longer = render.compose(*WORDS, f"n_frames={2 * N_FRAMES}")
    samples = list(render.frames(longer))
    ids = {name: i for i, name in enumerate(plan.categories, start=1)}

    expected = [bytes_of_pair(training_pair(sample, ids)) for sample in samples]
    assert [bytes_of_pair(pair) for pair in pairs] == expected
    assert len({bytes_of_pair(pair)[1][0] for pair in pairs}) == 2 * N_FRAMES, "no picture twice"
    assert bytes_of_sample(samples[0]) == bytes_of_sample(next(render.frames(plan)))


@pytest.mark.usefixtures("without_torch")
def test_a_pair_is_what_torchvision_expects(plan: render.Plan) -> None:
    n_shown = 0
    for sample, (image, target) in zip(render.frames(plan), render.stream(plan), strict=False):
        shown = [one for one in sample.labels if one.role == "target" and not one.filtered]
        n_shown += len(shown)
        assert (image.dtype, image.shape) == (np.uint8, (3, 72, 96))
        assert (image.transpose(1, 2, 0) == sample.rgb).all()
        assert image.flags.c_contiguous
        boxes, labels, masks = (target[name] for name in ("boxes", "labels", "masks"))
        assert (boxes.dtype, boxes.shape) == (np.float32, (len(shown), 4))
        assert (labels.dtype, labels.shape) == (np.int64, (len(shown),))
        assert (masks.dtype, masks.shape) == (np.bool_, (len(shown), 72, 96))
        assert target["image_id"] == sample.key.frame_idx
        for label, box, mask, number in zip(shown, boxes, masks, labels, strict=True):
            assert plan.categories[number - 1] == label.category
            assert (mask == (sample.buffers.instance_idx == label.instance_idx)).all()
            y, x = np.nonzero(mask)
            assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
    assert n_shown > N_FRAMES


def test_ranks_and_workers_share_all_frames(
    plan: render.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "render_frame", lambda plan, engine, i, textures: i)
    monkeypatch.setattr(module, "training_pair", lambda sample, ids: (sample, {}))
    given: list[int] = []
    for rank, worker in itertools.product(range(2), range(3)):
        monkeypatch.setattr(module, "_loader_worker", lambda worker=worker: (worker, 3))
        given += [pair[0] for pair in taken(Stream(plan, rank=rank, world=2), 5)]
    assert sorted(given) == list(range(30)), "each once"


@pytest.mark.usefixtures("without_torch")
def test_a_stream_goes_on_where_it_was(plan: render.Plan) -> None:
    whole = [bytes_of_pair(pair) for pair in taken(render.stream(plan, rank=1, world=2), 4)]
    assert [frame_idx for frame_idx, _ in whole] == [1, 3, 5, 7]

    stream = render.stream(plan, rank=1, world=2)
    assert [bytes_of_pair(pair) for pair in taken(stream, 2)] == whole[:2]
    state = json.loads(json.dumps(stream.state_dict()))
    restored = render.stream(render.compose(*WORDS, f"n_frames={N_FRAMES}"), rank=1, world=2)
    restored.load_state_dict(state)
    assert [bytes_of_pair(pair) for pair in taken(restored, 2)] == whole[2:]
    assert [bytes_of_pair(pair) for pair in taken(stream, 1)] == whole[2:3], "the next iterator"
    copy = pickle.loads(pickle.dumps(stream))
    assert [bytes_of_pair(pair) for pair in taken(copy, 1)] == whole[3:]

    with pytest.raises(render.ConfigError, match="state must be of the same part"):
        render.stream(plan).load_state_dict(state)
    other = render.compose(*WORDS, "seed=1")
    with pytest.raises(render.ConfigError, match="state must be of a stream of the same config"):
        render.stream(other, rank=1, world=2).load_state_dict(state)


def test_the_engine_ends_with_the_iterator(
    plan: render.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []
    start = type(plan).engine

    def engine(self: render.Plan, *, slot: int = 0) -> Any:
        made = start(self, slot=slot)
        close = made.close
        made.close = lambda: (closed.append(slot), close())  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(type(plan), "engine", engine)
    frames = iter(Stream(plan, rank=0, world=1))
    next(frames)
    assert closed == []
    frames.close()  # type: ignore[attr-defined]
    assert closed == [0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 2, "world": 2}, "rank must be a whole number from 0 to 1 .*, got 2"),
        ({"world": 0}, "world must be a whole number from 1"),
    ],
)
def test_a_part_that_is_none_is_refused(
    plan: render.Plan, arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(render.ConfigError, match=message):
        render.stream(plan, **arguments)
