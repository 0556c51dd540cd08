"""Checks of assets against what a run can show, before frame 0."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

from render.assembly.surfaces import SURFACES
from render.config.run_config import RunConfig
from render.errors import ConfigError
from render.library.assets import AssetLibrary
from render.sampling.arguments import near
from render.sampling.space import ThetaSpace

__all__ = ["check_folders", "check_materials", "check_used"]


def check_used(space: ThetaSpace, assets: AssetLibrary) -> None:
    """Reads every picture that a frame can show, and so knows what all of them are."""
    kinds = space.support("background", "kind")
    if "photo" in kinds:
        assets.backgrounds.check_all()
    if space.support("lighting", "environment") != {None} or kinds & {"environment", *SURFACES}:
        assets.environments.check_all()
    on_surfaces = kinds & set(SURFACES) and space.support("background", "surface_texture") != {None}
    on_cards = "card" in space.support("occlusion", "by")
    shows_decals = space.support("material", "decal") != {None} or space.named_materials
    if True in space.support("material", "textured") or on_surfaces or on_cards or shows_decals:
        assets.textures.check_all()


def check_materials(space: ThetaSpace, assets: AssetLibrary) -> None:
    """Every name or glob of a material is that of some model's."""
    if not space.named_materials:
        return
    models = map(assets.models.load, assets.models.names)
    known = sorted({p.material.name for model in models for p in model.primitives})
    for name in sorted(space.named_materials):
        if not fnmatch.filter(known, name):
            raise ConfigError(
                f"material.by_material must name materials of the models, got {name}"
                f"{near(name, known)}"
            )


def check_folders(run: RunConfig) -> None:
    """The folders that the config names are there."""
    for name in ("environments", "backgrounds", "textures", "distractors", "fixtures"):
        _check_folder(f"assets.{name}_dir", getattr(run.assets, f"{name}_dir"))


def _check_folder(field: str, folder: Path | None) -> None:
    if folder is not None and not os.path.isdir(folder):
        raise ConfigError(f"{field} must be a folder that is there, got {folder}")
