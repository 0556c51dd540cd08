"""All that a scene is made of, by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from render.library.environments import EnvironmentLibrary
from render.library.fixtures import Fixture, FixtureLibrary
from render.library.images import ImageLibrary
from render.library.models import ModelLibrary
from render.library.poses import Poses
from render.library.primitives import PREFIX, make_primitive
from render.scene import EnvironmentMap, Model

__all__ = ["DISTRACTOR", "AssetLibrary"]

# What names of models begin with that come from the folder of distractors.
DISTRACTOR = "distractor:"


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
        distractors: ModelLibrary | None = None,
        fixtures: FixtureLibrary | None = None,
        poses: Poses | None = None,
    ) -> None:
        self.models = models
        self.environments = environments
        self.backgrounds = backgrounds
        self.textures = textures
        self.distractors = distractors
        self.fixture_library = fixtures
        self.poses = poses
        self._primitives: dict[str, Model] = {}

    def model(self, name: str) -> Model:
        """A model file's model, ``distractor:<name>`` or ``primitive:<kind>``.

        Raises:
            AssetError: The file cannot be used.

        """
        if name.startswith(DISTRACTOR):
            if self.distractors is None:
                raise KeyError(name)
            return self.distractors.load(name.removeprefix(DISTRACTOR))
        if not name.startswith(PREFIX):
            return self.models.load(name)
        if name not in self._primitives:
            self._primitives[name] = make_primitive(name)
        return self._primitives[name]

    @property
    def folders(self) -> dict[str, Path]:
        """Folders of all libraries, by the config keys that name them."""
        folders = {
            "models_dir": self.models.folder,
            "environments_dir": self.environments.folder,
            "backgrounds_dir": self.backgrounds.folder,
            "textures_dir": self.textures.folder,
        }
        if self.distractors is not None:
            folders["distractors_dir"] = self.distractors.folder
        if self.fixture_library is not None:
            folders["fixtures_dir"] = self.fixture_library.folder
        return folders

    @property
    def passed_over(self) -> tuple[str, ...]:
        """A sentence on the files of each kind that lie in the folders and cannot be read."""
        libraries = (
            self.models, self.distractors, self.environments, self.backgrounds, self.textures,
        )  # fmt: skip
        told = (line for one in libraries if one is not None for line in one.passed_over)
        return tuple(dict.fromkeys(told))

    @property
    def fixtures(self) -> tuple[Fixture, ...]:
        """Static models of the user's cell."""
        return () if self.fixture_library is None else self.fixture_library.fixtures

    def distractor_models(self) -> Iterator[Model]:
        """Each model of the folder of distractors that can be shown, in the order of names."""
        if self.distractors is not None:
            yield from (self.distractors.load(name) for name in self.distractors.names)

    def background(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` uint8 display sRGB; AssetError if it cannot be decoded."""
        return self.backgrounds.load(name)

    def environment(self, name: str) -> EnvironmentMap:
        """An environment map, ready for shading; AssetError if it cannot be used."""
        return self.environments.load(name)

    def texture(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` uint8 display sRGB; AssetError if it cannot be decoded."""
        return self.textures.load(name)
