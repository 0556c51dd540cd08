"""Frames without end for training, straight from memory: nothing is written to disk."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from render.assembly.textures import TextureCache
from render.build import build
from render.config.run_config import sha256_of
from render.errors import ConfigError
from render.pipeline import render_frame
from render.plan import Plan
from render.sample import Sample
from render.system.blas import one_blas_thread

__all__ = ["Stream", "stream_of", "training_pair"]

Pair = tuple[Any, dict[str, Any]]


class _Place(NamedTuple):
    """Which of all processes that share one stream this is."""

    rank: int
    world: int
    worker: int
    workers: int


class Stream:
    """The frames of a plan and on beyond them, each given once, as pairs for training.

    Frame i is frame i of a run of any length, so what follows the ``n_frames`` of the plan, the
    second epoch, are new frames. All processes together give every frame once: with n of them,
    the k-th gives the frames k, k + n, k + 2n, ... Where torch is installed `stream_of` makes an
    ``IterableDataset`` of it, whose loader's workers each take their part, and whose pairs hold
    tensors.

    An iterator goes on where the last one, or `load_state_dict`, has left the stream; the engine
    lives while it is in use.
    """

    def __init__(self, plan: Plan, *, rank: int, world: int, given: int = 0) -> None:
        self.plan = plan
        self.rank = rank
        self.world = world
        self._given = given  # by this process

    def __iter__(self) -> Iterator[Pair]:
        place = self._place()
        part, parts = place.rank * place.workers + place.worker, place.world * place.workers
        textures = TextureCache()
        with self.plan.engine(slot=part) as engine:
            while True:
                frame_idx = part + parts * self._given
                # Not longer: the program around it has its own use for its cores.
                with one_blas_thread():
                    sample = render_frame(self.plan, engine, frame_idx, textures=textures)
                self._given += 1
                yield self._formed(training_pair(sample, self._ids))

    def __reduce__(self) -> tuple[Any, ...]:
        """A process that is spawned builds the plan anew."""
        config, plugins = dict(self.plan.config), self.plan.run.plugins
        return _rebuilt, (config, plugins, self.rank, self.world, self._given)

    def state_dict(self) -> dict[str, Any]:
        """Where this process is in the stream, as plain values; of torchdata's stateful loaders."""
        return {"plan": self._plan_sha256, "place": list(self._place()), "given": self._given}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a stream was when it gave `state_dict`; of the next iterator on.

        Raises:
            ConfigError: It was a stream of another plan, or another part of one.

        """
        if state["plan"] != self._plan_sha256:
            raise ConfigError(
                "state must be of a stream of the same config and assets, got that of another"
            )
        if list(state["place"]) != list(self._place()):
            there, here = _Place(*state["place"]), self._place()
            raise ConfigError(
                f"state must be of the same part of a stream, {here} here, got that of {there}"
            )
        self._given = int(state["given"])

    @cached_property
    def _plan_sha256(self) -> str:
        return sha256_of(self.plan.fingerprint)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.plan.categories, start=1)}

    def _place(self) -> _Place:
        return _Place(self.rank, self.world, *_loader_worker())

    def _formed(self, pair: Pair) -> Pair:
        return pair


def stream_of(plan: Plan, *, rank: int, world: int, given: int = 0) -> Stream:
    """The stream of a plan: with torch an ``IterableDataset`` of tensors, with torchvision of its
    ``tv_tensors``, without both of arrays.

    Args:
        rank: Which of the training processes this is, from 0; `world`: how many there are.
        given: How many frames this process has had already.

    Raises:
        ConfigError: An arrangement of the plan has a certain number of frames and no more.

    """
    if finite := sorted(plan.space.whole.models_of):
        raise ConfigError(
            f"objects.arrangement must have frames without end in a stream, got {finite[0]}, "
            "whose frames are those of a file"
        )
    try:
        import torch.utils.data
    except ImportError:
        return Stream(plan, rank=rank, world=world, given=given)

    kind = types.new_class(
        "TorchStream",
        (Stream, torch.utils.data.IterableDataset),
        exec_body=lambda body: body.update(_formed=_tensors),
    )
    made: Stream = kind(plan, rank=rank, world=world, given=given)
    return made


def _tensors(_: Stream, pair: Pair) -> Pair:
    """The pair as tensors; with torchvision each says what it is, so that its transforms know."""
    import torch

    image, target = pair
    arrays = {k: torch.from_numpy(v) for k, v in target.items() if isinstance(v, np.ndarray)}
    image, target = torch.from_numpy(image), {**target, **arrays}
    try:
        from torchvision import tv_tensors
    except ImportError:
        return image, target
    size_hw = tuple(image.shape[1:])
    boxes = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=size_hw)
    return tv_tensors.Image(image), {
        **target, "boxes": boxes, "masks": tv_tensors.Mask(target["masks"]),
    }  # fmt: skip


def training_pair(sample: Sample, ids: Mapping[str, int]) -> Pair:
    """Image and target of a frame, as torchvision's detectors and transforms (v2) have them.

    Args:
        ids: Number of each category, from 1: 0 is the background.

    Returns:
        The image, ``(3, H, W)`` uint8, and a target of N labelled instances: ``boxes``
        ``(N, 4)`` float32, x, y, x, y of the visible box, edge coordinates; ``labels`` ``(N,)``
        int64; ``masks`` ``(N, H, W)`` bool, visible; ``image_id``, the index of the frame.

    """
    shown = [one for one in sample.labels if one.role == "target" and not one.filtered]
    height, width = sample.rgb.shape[:2]
    boxes = np.zeros((len(shown), 4), np.float32)
    masks = np.zeros((len(shown), height, width), np.bool_)
    for i, label in enumerate(shown):
        masks[i] = label.mask_visib.pixels()
        if label.bbox_visib is not None:
            box = label.bbox_visib
            boxes[i] = box.x0, box.y0, box.x1, box.y1
    labels: NDArray[np.int64] = np.array([ids[one.category] for one in shown], np.int64)
    image = np.ascontiguousarray(sample.rgb.transpose(2, 0, 1))
    target = {"boxes": boxes, "labels": labels, "masks": masks}
    return image, {**target, "image_id": sample.key.frame_idx}


def _loader_worker() -> tuple[int, int]:
    """Number of this process among the workers of torch's loader, and how many there are."""
    # Without torch loaded, none is.
    data = sys.modules.get("torch.utils.data")
    info = None if data is None else data.get_worker_info()
    return (0, 1) if info is None else (info.id, info.num_workers)


def _rebuilt(
    config: Mapping[str, Any], plugins: tuple[str, ...], rank: int, world: int, given: int
) -> Stream:
    # The process that it comes from has checked the assets.
    plan = build(config, plugins=plugins, check_assets=False)
    return stream_of(plan, rank=rank, world=world, given=given)
