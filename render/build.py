"""From a composed config to a Plan: everything is validated here, before frame 0."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from render.assembly.lights import check_kind
from render.assembly.materials import PROCEDURAL
from render.assembly.patterns import PATTERNS
from render.asset_checks import check_folders, check_materials, check_used
from render.config.run_config import RunConfig, identity_of
from render.config.trust import (
    check_target,
    class_of,
    import_plugins,
    instantiate,
    plugin_names,
    plugins_hint,
)
from render.dataset.frame_view import LabelNames
from render.engine.base import AbstractEngine, Probe
from render.errors import ConfigError
from render.labels.categories import Categories, states_of_models
from render.labels.labeller import LabelFilters
from render.labels.tasks import TaskLabeller
from render.library.annotations import Annotations
from render.library.assets import DISTRACTOR, AssetLibrary
from render.library.environments import EnvironmentLibrary
from render.library.fixtures import FixtureLibrary
from render.library.images import ImageLibrary
from render.library.models import ModelLibrary
from render.library.poses import Poses
from render.placement.arrangement import (
    ARRANGEMENTS,
    AbstractArrangement,
    arrangement_of,
    naming,
)
from render.placement.states import state_remarks
from render.placement.views import check_listed_cameras
from render.plan import Plan
from render.sampling.balance import WholeDataset
from render.sampling.groups import GROUPS
from render.sampling.leaf_draws import checked_group
from render.sampling.space import ThetaSpace
from render.sampling.views import check_n_frames
from render.system.blas import one_blas_thread
from render.system.paths import find_assets
from render.writers.chosen import Writers

__all__ = ["build", "probe_engine", "settle_engine", "start_engine"]

_LOG = logging.getLogger(__name__)
_OF_LISTED_CAMERAS = (
    ("viewpoint", "layout"), ("viewpoint", "listed"), ("objects", "region_m"),
)  # fmt: skip


@one_blas_thread()
def build(
    config: Mapping[str, Any], *, plugins: Sequence[str] = (), check_assets: bool = True
) -> Plan:
    """Validates a resolved config and opens the libraries.

    Args:
        config: From `render.config.words`, or the ``config`` of a dataset.yaml.
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
    writers = Writers.of(config["output"])
    if check_assets:
        check_folders(run)
    assets = _libraries(run)
    if check_assets:
        for told in assets.passed_over:
            _LOG.warning("%s", told)
    space = _space(config, run, assets)
    check_n_frames(run.n_frames, space.views)
    if check_assets or run.assets.skip_bad:
        # After θ, because it takes long where there are many; what it leaves out changes θ.
        space = _space(config, run, assets) if _skips_models(assets, space) else space
    if check_assets:
        for name, arrangement in _arrangements(space).items():
            with naming(name, arrangement, "before frame 0"):
                arrangement.prepare(assets, run.n_frames)
    _check_cell(space, has_fixtures=bool(run.fixtures))
    if check_assets:
        of_poses = () if assets.poses is None else assets.poses.remarks
        for remark in (*assets.models.remarks, *of_poses, *space.remarks()):
            _LOG.warning("%s", remark)
        if "depth_sensor" not in writers.by_name and space.support("sensor", "depth") != {"exact"}:
            _LOG.warning("sensor.depth measures what no file holds: output.depth_sensor=true")
        check_used(space, assets)
        check_materials(space, assets)
        for kind in space.support("lighting", "kind"):
            check_kind(str(kind))
    searches = run.labels.symmetries == "search"
    annotations = Annotations(n_keypoints=run.labels.keypoints, searches_symmetries=searches)
    if check_assets and searches:
        # Now, and kept on disk: workers find them there.
        for name in assets.models.names:
            annotations.symmetry(assets.models.load(name))
    categories = Categories.of(assets.models, run.labels)
    names = LabelNames(
        categories=categories.names,
        keypoints=annotations.keypoint_names(assets.models, categories.of_models),
    )
    if check_assets:
        tolerance = categories.tolerance_deg
        for remark in state_remarks(
            categories.states, assets.models, space, tolerance_deg=tolerance
        ):
            _LOG.warning("%s", remark)
    writers.accept(names)
    return Plan(
        config=config,
        identity=identity_of(config),
        run=run,
        space=space,
        assets=assets,
        filters=LabelFilters(min_visib_fract=run.labels.min_visib_fract, min_px=run.labels.min_px),
        tasks=TaskLabeller(annotations=annotations, obb=run.labels.obb),
        writers=writers,
        target_categories=categories,
        names=names,
        start_engine=lambda plan, slot: start_engine(plan.config, plan.run, slot=slot),
    )


def _trusted(config: Mapping[str, Any], plugins: Sequence[str]) -> Mapping[str, Any]:
    """The config with the plug-ins that the user has named, imported.

    A config that comes from a file says which plug-ins it needs, and imports none.
    """
    plugins = plugin_names(plugins)
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
        poses = Poses.read(
            run.poses.file,
            models=run.poses.models,
            names=models.names,
            convention=run.poses.convention,
        )
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
    is_calibrated = not space.is_null("camera", "T_world_cam")
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
    for name, arrangement in _arrangements(space).items():
        if is_calibrated and not arrangement.takes_calibrated():
            raise ConfigError(
                f"objects.arrangement={name} must not be used where camera.T_world_cam is set: it "
                "places targets before a camera that viewpoint and scale aim; set "
                "camera.T_world_cam=null, or choose another arrangement"
            )

    if is_calibrated and all(_is_plain(space, *leaf) for leaf in _OF_LISTED_CAMERAS):
        theta = space.draw(0)
        if theta.viewpoint.layout == "listed":
            check_listed_cameras(theta, space.views)


def _is_plain(space: ThetaSpace, group: str, leaf: str) -> bool:
    try:
        return len(space.support(group, leaf)) == 1
    except ValueError:
        return False


def _arrangements(space: ThetaSpace) -> dict[str, AbstractArrangement]:
    """All that some frame can show, by name."""
    names = sorted(str(name) for name in space.support("objects", "arrangement"))
    return {name: arrangement_of(name) for name in names}


def _chosen_models(assets: AssetLibrary) -> dict[str, Sequence[tuple[str, ...]]]:
    """The models of each frame's targets, by the name of the arrangement that chooses them."""
    found = {}
    for name in ARRANGEMENTS:
        arrangement = arrangement_of(name)
        with naming(name, arrangement, "before frame 0"):
            found[name] = arrangement.models(assets)
    return {name: models for name, models in found.items() if models is not None}


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
            states={
                name: shown.names
                for name, shown in states_of_models(assets.models, run.labels).items()
            },
            balance=run.balance,
            negatives_fract=run.negatives_fract,
            val_fraction=run.val_fraction,
            top_ups=run.top_ups,
            models_of=_chosen_models(assets),
        ),
    )


def settle_engine(
    config: Mapping[str, Any], plugins: Sequence[str], *, drew: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The config with an engine that depends on no machine; see `AbstractEngine.settled`.

    Args:
        config: Resolved.
        plugins: Packages with classes of their own that the user has named.
        drew: What drew the frames that are there already; None: there are none.

    Raises:
        ConfigError: The config names no engine, or options that the engine does not take.

    """
    config = _trusted(config, plugins)
    kind: type[AbstractEngine] = class_of("engine", config.get("engine"), AbstractEngine, plugins)
    return {**config, "engine": dict(kind.settled(config["engine"], drew=drew))}


def check_leaves(config: Mapping[str, Any]) -> None:
    """Checks the names of all leaves of θ, as `build` does, for commands that draw none.

    Raises:
        ConfigError: One is unknown.

    """
    for group in GROUPS:
        checked_group(config.get(group), group)


def start_engine(config: Mapping[str, Any], run: RunConfig, *, slot: int = 0) -> AbstractEngine:
    """Starts the engine that a config names.

    Args:
        config: The resolved config.
        run: Its sections, read and checked.
        slot: Number of the worker process that it is for; devices are dealt to them in turn.

    Raises:
        ConfigError: The config names no engine, or options that the engine does not take.
        EngineError: The engine cannot draw here.

    """
    node = _engine_node(config, run, slot)
    engine: AbstractEngine = instantiate("engine", node, AbstractEngine, run.plugins)
    return engine


def probe_engine(config: Mapping[str, Any], run: RunConfig) -> Probe:
    """What the engine that a config names could draw with on this machine.

    Raises:
        ConfigError: The config names no engine, or options that the engine does not take.

    """
    node = _engine_node(config, run, 0)
    kind: type[AbstractEngine] = class_of("engine", node, AbstractEngine, run.plugins)
    return kind.probe(**{name: value for name, value in node.items() if name != "_target_"})


def _engine_node(config: Mapping[str, Any], run: RunConfig, slot: int) -> Any:
    node, devices = config["engine"], run.engine.device
    if isinstance(node, Mapping) and "device" in node:
        node = {**node, "device": devices[slot % len(devices)]}
    return node


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
