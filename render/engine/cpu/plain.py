"""Bodies that something other than the kernels may draw, with the very same answers."""

from __future__ import annotations

import abc
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from render.engine.cpu.bodies import Bodies, Body, Part
from render.scene import Camera, Material

if TYPE_CHECKING:
    from render.engine.cpu.visible import Shown

__all__ = ["AbstractFaceDrawer", "Plain", "delay", "is_holed", "joined", "plain_of"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Plain:
    """A body without holes, wholly before the near plane of a pinhole camera.

    Attributes:
        ranges: First face in its mesh, and one past the last, of what is to be drawn of it.
        first_turn: Turn of face 0 of its mesh: its number among all faces of the scene, plus
            `delay`. Of faces at the same depth, that with the lowest turn is shown.
        outlines: Its outline is wanted.

    """

    body: Body
    ranges: tuple[tuple[int, int], ...]
    first_turn: int
    outlines: bool


class AbstractFaceDrawer(abc.ABC):
    """Draws plain bodies in place of the kernels, with their very answers."""

    @abc.abstractmethod
    def draw(self, camera: Camera, plain: Sequence[Plain], n_faces: int) -> Shown:
        """What is visible of some bodies, and the outlines that are wanted.

        Args:
            camera: A pinhole.
            plain: In any order.
            n_faces: Of the scene.

        """


def plain_of(
    bodies: Bodies, body_idx: int, parts: list[Part], outlined: Collection[int]
) -> Plain | None:
    """What a drawer may draw of a body; None: the kernels have to.

    Args:
        bodies: Has it.
        body_idx: Index into `bodies.all`.
        parts: Those of its parts that are to be drawn.
        outlined: Instances whose outlines are wanted, by `instance_idx`.

    """
    body, camera = bodies.all[body_idx], bodies.scene.camera
    # Rounding must not leave open which points lie before the plane.
    is_before = body.corners_cam[:, 2].min() > camera.near_m * (1.0 + 1e-6)
    if camera.distortion or not is_before or not parts or any(is_holed(p.material) for p in parts):
        return None
    return Plain(
        body=body,
        ranges=tuple(joined(parts)),
        first_turn=int(bodies.first_face[body_idx]) + delay(bodies, body),
        outlines=body.instance_idx in outlined,
    )


def delay(bodies: Bodies, body: Body) -> int:
    """What the turn of a face is beyond its number: catchers of shadows are drawn last."""
    return int(bodies.first_face[-1]) if body.catches_shadows else 0


def is_holed(material: Material) -> bool:
    """Whether an image cuts holes into what has it."""
    return material.alpha_mode == "mask"


def joined(parts: list[Part]) -> Iterator[tuple[int, int]]:
    """Their ranges of faces; parts that follow each other are one."""
    begin, end = parts[0].begin, parts[0].end
    for part in parts[1:]:
        if part.begin != end:
            yield begin, end
            begin = part.begin
        end = part.end
    yield begin, end
