"""All that a scene is made of, by name."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from render.library.environments import EnvironmentLibrary
from render.library.images import ImageLibrary
from render.library.models import ModelLibrary
from render.library.primitives import PREFIX, make_primitive
from render.scene import EnvironmentMap, Model

__all__ = ["AssetLibrary"]


@final
class AssetLibrary:
    """Models, environments, backgrounds and textures of one run.

    Equal names give the same object while it stays in memory.
    """

    def __init__(
        self,
        *,
        models: ModelLibrary,
        environments: EnvironmentLibrary,
        backgrounds: ImageLibrary,
        textures: ImageLibrary,
    ) -> None:
        self.models = models
        self.environments = environments
        self.backgrounds = backgrounds
        self.textures = textures
        self._primitives: dict[str, Model] = {}

    def model(self, name: str) -> Model:
        """A model file's model, or ``primitive:<kind>``.

        Raises:
            AssetError: The file cannot be used.

        """
        if not name.startswith(PREFIX):
            return self.models.load(name)
        if name not in self._primitives:
            self._primitives[name] = make_primitive(name)
        return self._primitives[name]

    def background(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` uint8 display sRGB; AssetError if it cannot be decoded."""
        return self.backgrounds.load(name)

    def environment(self, name: str) -> EnvironmentMap:
        """An environment map, ready for shading; AssetError if it cannot be used."""
        return self.environments.load(name)

    def texture(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` uint8 display sRGB; AssetError if it cannot be decoded."""
        return self.textures.load(name)
