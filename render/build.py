"""From a composed config to a Plan: everything is validated here, before frame 0."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from tqdm import tqdm

from render.assembly.lights import check_kind
from render.assembly.materials import PROCEDURAL
from render.assembly.patterns import PATTERNS
from render.assembly.surfaces import SURFACES
from render.config.presets import presets_of
from render.config.run_config import RunConfig, identity_of
from render.config.trust import (
    check_target,
    class_of,
    import_plugins,
    instantiate,
    plugin_names,
    plugins_hint,
)
from render.engine.base import AbstractEngine
from render.errors import ConfigError
from render.labels.labeller import LabelFilters
from render.labels.tasks import TaskLabeller
from render.library.annotations import Annotations
from render.library.assets import DISTRACTOR, AssetLibrary
from render.library.convex import check_extra, convex_pieces
from render.library.environments import EnvironmentLibrary
from render.library.fixtures import FixtureLibrary
from render.library.images import ImageLibrary
from render.library.models import ModelLibrary
from render.library.poses import Poses
from render.plan import Plan
from render.sampling.balance import WholeDataset
from render.sampling.groups import GROUPS
from render.sampling.space import ThetaSpace
from render.system.paths import find_assets

__all__ = ["build", "resolve"]

_LOG = logging.getLogger(__name__)


def resolve(cfg: DictConfig, preset_dirs: Sequence[Path]) -> dict[str, Any]:
    """Plain, resolved containers of a composed config, fit for JSON.

    Where a group is the ``mixture`` preset, all its other presets are put beside it under
    ``presets``, so that a stored config needs no config files to be understood.

    Args:
        preset_dirs: Folders with one sub-folder of presets per group; the first wins.

    Raises:
        ConfigError: An interpolation that leads nowhere.

    """
    try:
        config = OmegaConf.to_container(cfg, resolve=True)
        assert isinstance(config, dict)
        plain: dict[str, Any] = {str(k): v for k, v in config.items() if k != "hydra"}
        presets = {
            group: presets_of(group, preset_dirs)
            for group in GROUPS
            if isinstance(plain.get(group), dict) and "preset" in plain[group]
        }
    except OmegaConfBaseException as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"the config cannot be resolved: {reason}") from error
    if presets:
        plain["presets"] = presets
    # As a dataset stores it: keys of weights, too, become strings.
    stored: dict[str, Any] = json.loads(json.dumps(plain))
    return stored


def build(
    config: Mapping[str, Any], *, plugins: Sequence[str] = (), check_assets: bool = True
) -> Plan:
    """Validates a resolved config and opens the libraries.

    Args:
        config: From `resolve`, or the ``config`` of a dataset.yaml.
        plugins: Packages with classes of their own that the user has named, not a file; they
            are imported.
        check_assets: Load every selected model and image once, so that a bad one is
            found now. Workers leave it out: their parent has done it.

    Raises:
        ConfigError: A value breaks its rule.
        AssetError: A model, background or texture cannot be used.

    """
    config = _trusted(config, plugins)
    run = RunConfig.of(config)
    if check_assets:
        _check_folders(run)
    assets = _libraries(run)
    space = _space(config, run, assets)
    if check_assets or run.assets.skip_bad:
        # After θ, because it takes long where there are many; what it leaves out changes θ.
        space = _space(config, run, assets) if _skips_models(assets, space) else space
    if check_assets:
        _check_poses(space, assets, run.n_frames)
        _check_pile(space, assets)
    _check_cell(space, has_fixtures=bool(run.fixtures))
    if check_assets:
        for remark in (*assets.models.remarks, *space.remarks()):
            _LOG.warning("%s", remark)
        _check_used(space, assets)
        for kind in space.support("lighting", "kind"):
            check_kind(str(kind))
    searches = run.labels.symmetries == "search"
    annotations = Annotations(n_keypoints=run.labels.keypoints, searches_symmetries=searches)
    if check_assets and searches:
        # Now, and kept on disk: workers find them there.
        for name in assets.models.names:
            annotations.symmetry(assets.models.load(name))
    return Plan(
        config=config,
        identity=identity_of(config),
        run=run,
        space=space,
        assets=assets,
        filters=LabelFilters(min_visib_fract=run.labels.min_visib_fract, min_px=run.labels.min_px),
        tasks=TaskLabeller(annotations=annotations, obb=run.labels.obb),
        keypoints=_keypoints(run, annotations.keypoint_names(assets.models)),
        start_engine=_start_engine,
    )


def _trusted(config: Mapping[str, Any], plugins: Sequence[str]) -> Mapping[str, Any]:
    """The config with the plug-ins that the user has named, imported.

    A config that comes from a file says which plug-ins it needs, and imports none.
    """
    if hint := plugins_hint(config, plugins):
        needed = ", ".join(plugin_names(config["plugins"]))
        raise ConfigError(f"plugins must name {needed} on the command line{hint}")
    for key in ("engine", "execution"):
        node = config.get(key)
        if isinstance(node, Mapping) and "_target_" in node:
            check_target(f"{key}._target_", node["_target_"], plugins)
    import_plugins(plugins)
    if "engine" in config:
        class_of("engine", config["engine"], AbstractEngine, plugins)
    return {**config, "plugins": list(plugins)}


def _keypoints(
    run: RunConfig, names: Mapping[str, tuple[str, ...]]
) -> Mapping[str, tuple[str, ...]]:
    if run.output.yolo == "pose" and "yolo" in run.output.formats and not names:
        raise ConfigError(
            "output.yolo=pose needs models with keypoints, and there is none: declare them in side "
            "files, or labels.keypoints=8 chooses some on every model"
        )
    return names


def _libraries(run: RunConfig) -> AssetLibrary:
    """Finds all files; loads none."""
    models = ModelLibrary(
        run.assets.models_dir or find_assets("models"),
        include=run.models,
        skip_bad=run.assets.skip_bad,
        memory_mb=run.memory_mb,
    )
    distractors = poses = None
    if run.assets.distractors_dir is not None:
        distractors = ModelLibrary(
            run.assets.distractors_dir,
            skip_bad=run.assets.skip_bad,
            prefix=DISTRACTOR,
            memory_mb=run.memory_mb,
        )
    if run.poses.file is not None:
        poses = Poses.read(run.poses.file, models=run.poses.models, names=models.names)
    return AssetLibrary(
        models=models,
        environments=EnvironmentLibrary(run.assets.environments_dir or find_assets("environments")),
        backgrounds=ImageLibrary(
            run.assets.backgrounds_dir or find_assets("backgrounds"), what="backgrounds"
        ),
        textures=ImageLibrary(run.assets.textures_dir or find_assets("textures"), what="textures"),
        distractors=distractors,
        fixtures=_fixtures(run),
        poses=poses,
    )


def _skips_models(assets: AssetLibrary, space: ThetaSpace) -> bool:
    """Loads every model that a frame can show; whether some are left out."""
    assets.models.check_all()
    shown = [assets.models]
    if assets.distractors is not None and "model" in space.support("occlusion", "by"):
        assets.distractors.check_all()
        shown.append(assets.distractors)
    return any(library.skipped for library in shown)


def _fixtures(run: RunConfig) -> FixtureLibrary | None:
    if not run.fixtures:
        return None
    if run.assets.fixtures_dir is None:
        raise ConfigError(
            "assets.fixtures_dir must be the folder of the models that fixtures names, got null"
        )
    return FixtureLibrary(run.assets.fixtures_dir, run.fixtures)


def _check_cell(space: ThetaSpace, *, has_fixtures: bool) -> None:
    is_calibrated = space.support("camera", "T_world_cam") != {None}
    if has_fixtures and not is_calibrated:
        raise ConfigError(
            "camera.T_world_cam must be set where there are fixtures, got null: it says where the "
            "camera is among them"
        )
    if is_calibrated and space.can_be_null("objects", "region_m"):
        raise ConfigError(
            "objects.region_m must be set where camera.T_world_cam is, got null: "
            "'objects.region_m=[x0,x1,y0,y1,z0,z1]' says where the targets are"
        )


def _check_pile(space: ThetaSpace, assets: AssetLibrary) -> None:
    """Divides all models into convex pieces, which is kept on disk: workers find them there."""
    if "pile" not in space.support("objects", "arrangement"):
        return
    check_extra()
    models = [assets.models.load(name) for name in assets.models.names]
    fixed = [fixture.model for fixture in assets.fixtures]
    for model in tqdm([*models, *fixed], unit="model", desc="pieces", disable=None, leave=False):
        convex_pieces(model)


def _check_poses(space: ThetaSpace, assets: AssetLibrary, n_frames: int) -> None:
    if "poses" not in space.support("objects", "arrangement"):
        return
    if assets.poses is None:
        raise ConfigError("poses.file must be set where objects=poses, got null")
    if n_frames > len(assets.poses.images):
        raise ConfigError(
            f"n_frames must be at most {len(assets.poses.images)}, the images of "
            f"{assets.poses.path}, got {n_frames}"
        )


def _check_used(space: ThetaSpace, assets: AssetLibrary) -> None:
    """Reads every picture that a frame can show."""
    kinds = space.support("background", "kind")
    if "photo" in kinds:
        assets.backgrounds.check_all()
    if space.support("lighting", "environment") != {None} or kinds & {"environment", *SURFACES}:
        assets.environments.check_all()
    on_surfaces = kinds & set(SURFACES) and space.support("background", "surface_texture") != {None}
    on_cards = "card" in space.support("occlusion", "by")
    if True in space.support("material", "textured") or on_surfaces or on_cards:
        assets.textures.check_all()


def _check_folders(run: RunConfig) -> None:
    for name in ("environments", "backgrounds", "textures", "distractors", "fixtures"):
        _check_folder(f"assets.{name}_dir", getattr(run.assets, f"{name}_dir"))


def _check_folder(field: str, folder: Path | None) -> None:
    if folder is not None and not os.path.isdir(folder):
        raise ConfigError(f"{field} must be a folder that is there, got {folder}")


def _space(config: Mapping[str, Any], run: RunConfig, assets: AssetLibrary) -> ThetaSpace:
    return ThetaSpace.build(
        {group: config[group] for group in GROUPS},
        seed=run.seed,
        sampling=run.sampling,
        catalogs={
            "models": assets.models.names,
            "backgrounds": assets.backgrounds.names,
            "environments": assets.environments.names,
            "textures": assets.textures.names,
            "distractors": assets.distractors.names if assets.distractors is not None else (),
            "patterns": (*assets.textures.names, *(PROCEDURAL + kind for kind in PATTERNS)),
        },
        presets=partial(_stored_preset, run.presets or {}),
        whole=WholeDataset(
            categories={name: assets.models.category(name) for name in assets.models.names},
            balance=run.balance,
            negatives_fract=run.negatives_fract,
            val_fraction=run.val_fraction,
            top_ups=run.top_ups,
            posed=() if assets.poses is None else [image.models for image in assets.poses.images],
        ),
    )


def _start_engine(plan: Plan, slot: int) -> AbstractEngine:
    """The engine that a config names, for one worker process; see `render.plan.Plan.engine`."""
    node = plan.config["engine"]
    if isinstance(node, Mapping) and "device" in node:
        devices = plan.run.engine.device
        node = {**node, "device": devices[slot % len(devices)]}
    engine: AbstractEngine = instantiate("engine", node, AbstractEngine, plan.run.plugins)
    return engine


def _stored_preset(presets: Mapping[str, Any], group: str, name: str) -> Mapping[str, Any]:
    known = presets.get(group, {})
    if name not in known:
        raise ConfigError(
            f"{group}.preset must name presets of {group} ({', '.join(sorted(known))}), "
            f"got {name!r}"
        )
    preset = known[name]
    if not isinstance(preset, Mapping):
        raise ConfigError(f"the preset {group}/{name} must be a mapping, got {preset!r}")
    return preset
