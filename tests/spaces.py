"""Configs composed in this process, and the spaces of scene parameters that they describe."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from render.config.presets import preset_files
from render.config.words import resolve
from render.errors import ConfigError
from render.sampling.balance import WholeDataset
from render.sampling.groups import GROUPS
from render.sampling.schema import Leaf
from render.sampling.space import ThetaSpace
from render.system.paths import CONF_DIR

CATALOGS = {
    "models": ("fasteners/bolt.obj", "fasteners/nut.obj", "mug.glb"),
    "backgrounds": ("desk.jpg", "wall.jpg"),
    "environments": ("noon.hdr", "studio.hdr", "workshop.hdr"),
    "textures": ("grain.png", "wood.png"),
    "distractors": ("apple.glb", "can.obj"),
    "patterns": ("grain.png", "procedural/noise", "wood.png"),
}

CATEGORIES = {"fasteners/bolt.obj": "fasteners", "fasteners/nut.obj": "fasteners", "mug.glb": "mug"}


def composed(*overrides: str, searched: Path | None = None) -> dict[str, Any]:
    """The resolved config of a command line; `searched` is a further folder of configs."""
    search = [f"hydra.searchpath=[file://{searched}]"] if searched else []
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("config", overrides=["output_dir=data", *search, *overrides])
    return resolve(cfg, [CONF_DIR])


def space_of(
    config: dict[str, Any], *, sampling: str = "random", seed: int = 0, **options: Any
) -> ThetaSpace:
    """The space of a config, with a few names in place of files."""
    return ThetaSpace.build(
        {group: config[group] for group in GROUPS},
        seed=seed,
        sampling=sampling,
        catalogs=CATALOGS,
        presets=partial(_preset, config.get("presets", {})),
        whole=WholeDataset(
            categories=CATEGORIES,
            models_of={"poses": [("mug.glb", "fasteners/nut.obj")] * 64},
            **options,
        ),
    )


def presets_of(group: str) -> list[str]:
    """Names of the presets that ship."""
    return list(preset_files(group, [CONF_DIR]))


def leaves_of(group: str) -> dict[str, Leaf]:
    """Leaves of a group by name."""
    fields = GROUPS[group].__dataclass_fields__
    return {name: field.metadata["leaf"] for name, field in fields.items()}


def _preset(presets: dict[str, Any], group: str, name: str) -> dict[str, Any]:
    if name not in presets.get(group, {}):
        raise ConfigError(f"{group}.preset must name a preset, got {name}")
    found: dict[str, Any] = presets[group][name]
    return found
