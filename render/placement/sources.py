"""What placement needs of the assets."""

from __future__ import annotations

from typing import Protocol

from render.library.fixtures import Fixture
from render.library.poses import Poses
from render.scene import Model

__all__ = ["ModelSource"]


class ModelSource(Protocol):
    """What placement needs of the asset library."""

    def model(self, name: str) -> Model:
        """The model of that name."""
        ...

    @property
    def fixtures(self) -> tuple[Fixture, ...]:
        """Static models of the user's cell."""
        ...

    @property
    def poses(self) -> Poses | None:
        """Poses of a real scene, where `poses.file` names one."""
        ...
