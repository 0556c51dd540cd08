"""What labels need to know of a model beyond its shape: keypoints, symmetries, parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError
from render.geometry.surface_samples import farthest_points, sample_surface
from render.geometry.symmetry import Symmetry
from render.geometry.welding import pieces
from render.library import symmetries
from render.library.models import ModelLibrary
from render.scene import Keypoint, Model
from render.system.disk_cache import cached
from render.system.memo import per_model

__all__ = ["Annotations", "Parts"]

_SAMPLES = 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """The named bodies that a model consists of.

    Attributes:
        names: At least one.
        of_faces: One ``(F,)`` array per primitive: which of them each face belongs to.

    """

    names: tuple[str, ...]
    of_faces: tuple[NDArray[np.int32], ...]


@final
class Annotations:
    """Keypoints, symmetries and parts of models, each computed once, when it is first asked for."""

    def __init__(self, *, n_keypoints: int = 0, searches_symmetries: bool = False) -> None:
        """Computes nothing yet.

        Args:
            n_keypoints: How many are chosen on models that declare none.
            searches_symmetries: Whether symmetries are searched for on models that declare none.

        """
        self._n_keypoints = n_keypoints
        self._searches = searches_symmetries
        # By name, which is unique among the models of a run.
        self._keypoints: dict[str, tuple[Keypoint, ...]] = {}
        self._symmetries: dict[str, Symmetry] = {}

    def keypoints(self, model: Model) -> tuple[Keypoint, ...]:
        """Keypoints of a model: those that its side file declares, else chosen on its surface."""
        if model.name not in self._keypoints:
            self._keypoints[model.name] = model.keypoints or _chosen(model, self._n_keypoints)
        return self._keypoints[model.name]

    def symmetry(self, model: Model) -> Symmetry:
        """Symmetry of a model: declared by its side file, else found by the search where that is
        asked for, else none.
        """
        if model.name not in self._symmetries:
            self._symmetries[model.name] = model.symmetry or self._found(model)
        return self._symmetries[model.name]

    def parts(self, model: Model) -> Parts:
        """The bodies that a model's file tells apart; where it has one, its connected pieces."""
        return _parts(model)

    def keypoint_names(
        self, models: ModelLibrary, categories: Mapping[str, Sequence[str]]
    ) -> dict[str, tuple[str, ...]]:
        """Names of the keypoints of each category that has some; loads no model.

        Args:
            models: All of the targets.
            categories: Those that targets of each model can have, by its name.

        Raises:
            ConfigError: Models of one category have keypoints of different names.

        """
        chosen = tuple(f"p{k}" for k in range(self._n_keypoints))
        names: dict[str, tuple[str, tuple[str, ...]]] = {}
        for name in models.names:
            own = models.keypoint_names(name) or chosen
            for category in categories[name]:
                first, wanted = names.setdefault(category, (name, own))
                if own != wanted:
                    raise ConfigError(
                        f"keypoints must have the same names in the same order for all models of "
                        f"category {category}, got {', '.join(own) or 'none'} for {name} and "
                        f"{', '.join(wanted) or 'none'} for {first}"
                    )
        return {category: own for category, (_, own) in names.items() if own}

    def _found(self, model: Model) -> Symmetry:
        if not self._searches:
            return Symmetry.of([])
        source = hashlib.sha256(Path(symmetries.__file__).read_bytes()).hexdigest()
        key = f"symmetry {source} {model.sha256} {model.unit_m}"
        return cached(key, lambda: symmetries.find_symmetry(model))


def _chosen(model: Model, count: int) -> tuple[Keypoint, ...]:
    """`count` points of the surface named ``p0``, ``p1``, ..., each as far from the others as can
    be; object frame, metres.
    """
    if count == 0:
        return ()
    triangles = np.concatenate([p.positions_m[p.faces] for p in model.primitives])
    # Corners of the hull stand out; without them, points would stop short of tips.
    points = np.concatenate([model.hull_m, sample_surface(triangles, _SAMPLES)[0]])
    chosen = points[farthest_points(points, count)].tolist()
    return tuple(
        Keypoint(name=f"p{k}", point_m=(float(x), float(y), float(z)))
        for k, (x, y, z) in enumerate(chosen)
    )


@per_model
def _parts(model: Model) -> Parts:
    if model.parts:
        parts = (p.face_parts for p in model.primitives)
        return Parts(names=model.parts, of_faces=tuple(part for part in parts if part is not None))
    sizes = [len(p.positions_m) for p in model.primitives]
    starts = np.cumsum([0, *sizes[:-1]])
    piece = pieces(
        np.concatenate([p.positions_m for p in model.primitives]),
        np.concatenate([p.faces + start for p, start in zip(model.primitives, starts)]),
    )
    ends = np.cumsum([len(p.faces) for p in model.primitives])[:-1]
    return Parts(
        names=tuple(f"piece{k}" for k in range(int(piece.max()) + 1)),
        of_faces=tuple(np.split(piece.astype(np.int32), ends)),
    )
