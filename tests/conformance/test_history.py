"""A frame is the same whatever was drawn before it: the promise behind resume and workers."""

from __future__ import annotations

import hashlib

import numpy as np

from render.build import build
from render.engine.pyrender.engine import PyrenderEngine
from render.pipeline import realise
from render.sample import SampleKey
from tests.spaces import composed

FRAMES = range(8)


def digests(order: list[int], *overrides: str) -> dict[int, str]:
    """SHA-256 of picture, ids and depth of frames drawn in an order by one engine."""
    plan = build(
        composed("models=[bolt,grille,mug,bottle]", "camera.size_wh=[200,150]", *overrides)
    )
    found = {}
    with PyrenderEngine() as engine:
        for i in order:
            theta, placement, _ = plan.draw(i)
            sample = realise(
                plan, engine, SampleKey.of(i, 0.2), theta=theta, placement=placement, rejections=()
            )
            arrays = (sample.buffers.radiance, sample.buffers.instance_idx, sample.buffers.depth_m)
            parts = (sample.rgb, *arrays, *(label.mask.pixels() for label in sample.labels))
            found[i] = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in parts))
    return {i: digest.hexdigest() for i, digest in found.items()}


def test_frames_do_not_depend_on_the_frames_before_them() -> None:
    forwards = digests(list(FRAMES), "material=mixture", "lighting=mixture")
    backwards = digests(list(reversed(FRAMES)), "material=mixture", "lighting=mixture")

    assert forwards == backwards


def test_a_frame_alone_is_the_frame_of_the_run() -> None:
    overrides = ("objects=scatter", "background=photo", "lighting=mixture")
    together = digests(list(FRAMES), *overrides)

    assert {5: together[5]} == digests([5], *overrides)
