"""A validated run: what `render.build` makes of a composed config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from render.config.run_config import RunConfig, sha256_of
from render.labels.labeller import LabelFilters
from render.labels.tasks import TaskLabeller
from render.library.assets import AssetLibrary
from render.sampling.space import ThetaSpace

__all__ = ["Plan"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """A validated run.

    Attributes:
        config: The resolved config, plain containers; `build(config)` gives this plan again.
        identity: What makes the dataset this dataset.
        keypoints: Names of those of each category that has some.

    """

    config: Mapping[str, Any]
    identity: Mapping[str, Any]
    run: RunConfig
    space: ThetaSpace
    assets: AssetLibrary
    filters: LabelFilters
    tasks: TaskLabeller
    keypoints: Mapping[str, tuple[str, ...]]

    @property
    def identity_sha256(self) -> str:
        """Of the canonical JSON of `identity`."""
        return sha256_of(self.identity)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What decides the frames' bytes beside the versions of libraries: config and assets."""
        assets = self.assets
        return {
            "config": self.identity,
            "models": {name: assets.models.sha256(name) for name in assets.models.names},
            "distractors": {m.name: m.sha256 for m in assets.distractor_models()},
            "fixtures": [f.model.sha256 for f in assets.fixtures],
            "poses": None if assets.poses is None else assets.poses.sha256,
            # A picture more or less shifts what all later frames draw.
            "pictures": {
                "environments": assets.environments.sha256,
                "backgrounds": assets.backgrounds.sha256,
                "textures": assets.textures.sha256,
            },
        }

    @property
    def categories(self) -> tuple[str, ...]:
        """Sorted; the index is the YOLO id, the COCO id is one more."""
        return self.assets.models.categories
