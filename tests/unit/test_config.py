"""The part of the config that is not θ."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra.utils
import pytest

from render.buffers import Buffers, Silhouette
from render.build import build
from render.config.run_config import RunConfig, identity_of, sha256_of
from render.engine.base import AbstractEngine, DeviceInfo
from render.errors import ConfigError
from render.sampling.groups import GROUPS
from render.scene import Instance, Scene
from render.system.paths import CONF_DIR
from render.writers.chosen import Writers
from tests.spaces import composed, presets_of, space_of


class NamedEngine(AbstractEngine):
    """Draws nothing; says which device it was given."""

    def __init__(self, device: str | int) -> None:
        self._device = device

    @property
    def info(self) -> DeviceInfo:
        return DeviceInfo(
            platform="", device=str(self._device), vendor="", renderer="", version="", is_gpu=True
        )

    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        raise NotImplementedError

    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to free."""


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return composed("output_dir=somewhere")


def test_defaults_are_those_of_the_contract(config: dict[str, Any]) -> None:
    run = RunConfig.of(config)

    assert (run.n_frames, run.seed, run.workers, run.sampling) == (100, 0, None, "random")
    assert (run.val_fraction, run.overwrite) == (0.2, False)
    assert run.output_dir == Path("somewhere")
    writers = Writers.of(run.output)
    assert writers.formats == ("coco", "yolo")
    assert list(writers.by_name) == ["ids", "image", "coco", "yolo"]
    assert writers.depth_unit_m == 1e-4


@pytest.mark.parametrize(
    ("device", "expected"),
    [("auto", ("auto",)), (1, (1,)), ([2, 0], (2, 0)), ("surfaceless", ("surfaceless",))],
)
def test_devices_are_dealt_to_workers_in_turn(
    config: dict[str, Any], device: Any, expected: tuple[Any, ...]
) -> None:
    engine = {"_target_": "tests.unit.test_config.NamedEngine", "device": device}
    plan = build(config | {"engine": engine}, plugins=[__name__], check_assets=False)

    assert plan.run.engine.device == expected
    dealt = [plan.engine(slot=slot).info.device for slot in range(4)]
    assert dealt == [str(expected[slot % len(expected)]) for slot in range(4)]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("n_frames", 0, "n_frames must be a whole number from 1"),
        ("n_frames", 2.5, "n_frames must be a whole number"),
        ("n_frames", True, "n_frames must be a whole number"),
        ("workers", "many", "workers must be auto or a whole number"),
        ("workers", 0, "workers must be auto"),
        ("sampling", "halton", "lhs, grid, stratified, got 'halton'"),
        ("val_fraction", float("nan"), "val_fraction must be a number from 0 to 1, got nan"),
        ("val_fraction", 1.5, "val_fraction must be a number from 0 to 1"),
        ("overwrite", "yes", "overwrite must be true or false"),
        ("models", [], "models must be a list of one or more names, got []"),
        ("models", "", "models must be a list of one or more names"),
        ("output_dir", None, "output_dir must be the path of a folder, or a URL such as"),
        ("output_dir", "a\udce9", "a URL such as s3://bucket/name, got 'a\\udce9'"),
        ("output_dir", "gs:/bucket/a", "or a URL such as s3://bucket/name, got 'gs:/bucket/a'"),
        ("output_dir", "s3://", "or a URL such as s3://bucket/name, got 's3://'"),
        ("output_dir", "file://host/a", "or a URL such as s3://bucket/name, got 'file://host/a'"),
        ("seed", -1, "seed must be a whole number from 0"),
        ("seed", "lucky", "seed must be a whole number from 0"),
        ("n_frames", "ten", "n_frames must be a whole number"),
        ("n_frames", float("inf"), "n_frames must be a whole number"),
        ("val_fraction", -0.1, "val_fraction must be a number from 0 to 1, got -0.1"),
        ("val_fraction", "half", "val_fraction must be a number from 0 to 1"),
        ("output.formats", [], "output.formats must be a list of one or more names, got []"),
        ("output.formats", "voc", "output.formats must be one of coco, webdataset, yolo, got"),
        ("models", [3], "models must be a list"),
        ("assets.skip_bad", 1, "assets.skip_bad must be true or false"),
        ("labels.min_visib_fract", -0.1, "labels.min_visib_fract must be a number from 0 to 1"),
        ("labels.min_px", 0, "labels.min_px must be a whole number from 1"),
        ("output.formats", ["coco", "voc"], "output.formats must be one of coco, webdataset, yolo"),
        ("output.image", "gif", "output.image must be one of jpg, png"),
        ("output.yolo", "boxes", "output.yolo must be one of detect, segment, pose, obb"),
        ("output.depth_unit_m", 0, "output.depth_unit_m must be a number"),
        ("n_frame", 3, "n_frame must be a key of the config; did you mean n_frames?"),
        ("output.id", True, "output.id must be a key of the config; did you mean output.ids"),
        ("output", 3, "output must be a mapping"),
    ],
)
def test_bad_values_are_named(config: dict[str, Any], key: str, value: Any, message: str) -> None:
    bad = copy.deepcopy(config)
    *sections, leaf = key.split(".")
    target = bad
    for section in sections:
        target = target[section]
    target[leaf] = value

    with pytest.raises(ConfigError) as caught:
        Writers.of(RunConfig.of(bad).output)

    assert message in str(caught.value)


def test_identity_ignores_how_far_and_where(config: dict[str, Any]) -> None:
    other = config | {"n_frames": 7, "workers": 3, "output_dir": "elsewhere", "overwrite": True}

    assert sha256_of(identity_of(other)) == sha256_of(identity_of(config))


def test_identity_knows_seed_and_theta(config: dict[str, Any]) -> None:
    reseeded = config | {"seed": 1}
    moved = copy.deepcopy(config)
    moved["viewpoint"]["elevation_deg"] = 12

    digests = {sha256_of(identity_of(c)) for c in (config, reseeded, moved)}
    assert len(digests) == 3


def test_a_missing_key_is_named(config: dict[str, Any]) -> None:
    for key in ("seed", "output", "lighting"):
        rest = {k: v for k, v in config.items() if k != key}

        with pytest.raises(ConfigError, match=f"{key} must be set, and is missing"):
            RunConfig.of(rest)


def test_digests_do_not_depend_on_the_order_of_keys(config: dict[str, Any]) -> None:
    backwards = dict(reversed(config.items()))

    assert sha256_of(identity_of(config)) == sha256_of(identity_of(backwards))


def test_weights_of_any_kind_can_be_stored(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        '# @package _global_\nscale: {size_px: [choice, {"null": 0.5, 100: 0.5, 2.5: 1}]}\n'
        "material: {textured: [choice, {true: 1, false: 2}]}\n"
    )
    mine = composed("experiment=mine", searched=tmp_path)

    assert {"null": 0.5, "100": 0.5, "2.5": 1} == mine["scale"]["size_px"][1]
    assert mine == json.loads(json.dumps(mine, sort_keys=True))
    assert len(sha256_of(identity_of(mine))) == 64
    thetas = [space_of(mine).draw(frame_idx) for frame_idx in range(40)]
    assert {None, 100.0, 2.5} == {theta.scale.size_px for theta in thetas}


PRESETS = [(group, preset) for group in GROUPS for preset in presets_of(group)]
EXPERIMENTS = sorted((CONF_DIR / "experiment").glob("*.yaml"))


@pytest.mark.parametrize(("group", "preset"), PRESETS)
def test_every_preset_composes_and_draws(group: str, preset: str) -> None:
    config = composed(f"{group}={preset}")

    RunConfig.of(config)
    space = space_of(config)
    assert () == space.remarks()
    for frame_idx in range(3):
        space.draw(frame_idx)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_a_mixture_of_all_its_presets(group: str) -> None:
    config = composed(f"{group}=mixture")

    drawn = set()
    for frame_idx in range(300):
        drawn |= {p for g, p in space_of(config).draw(frame_idx).presets if g == group}
    # Poses of a file fix what is seen in each frame, piles and bins need an extra, and containers
    # choose views of their own: no part of it.
    apart = {"poses", "pile", "bin", "tray", "conveyor", "shelf", "overhead", "front", "whole"}
    assert set(presets_of(group)) - {"mixture"} - apart == drawn
    assert {"from_preset"} == {
        v if isinstance(v, str) else "" for k, v in config[group].items() if k != "preset"
    }


@pytest.mark.parametrize("path", sorted(CONF_DIR.rglob("*.yaml")), ids=lambda p: p.stem)
def test_every_config_file_says_what_it_is_for(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    first = lines[1] if lines[0].startswith("# @package") else lines[0]
    assert first.startswith("# ")


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_every_experiment_begins_with_the_command_that_runs_it(path: Path) -> None:
    # Hydra wants its directive on the very first line.
    directive, command, *_ = path.read_text(encoding="utf-8").splitlines()
    assert directive == "# @package _global_"
    module, *overrides = command.removeprefix("# python -m ").split()

    assert (module, overrides[0]) == ("render.run", f"experiment={path.stem}")
    config = composed(*overrides)
    RunConfig.of(config)
    space = space_of(config | {"models": ["*"]}, sampling=config["sampling"])
    assert () == space.remarks()
    space.draw(0)


def test_the_turntable_is_a_grid_of_its_frames() -> None:
    config = composed("experiment=example_turntable", "n_frames=72")
    space = space_of(config, sampling=config["sampling"])

    views = [space.draw(frame_idx).viewpoint for frame_idx in range(config["n_frames"])]
    assert len({(view.azimuth_deg, view.elevation_deg) for view in views}) == 72


def test_engines_and_executions_are_importable() -> None:
    for group in ("engine", "execution"):
        for path in sorted((CONF_DIR / group).glob("*.yaml")):
            target = composed(f"{group}={path.stem}")[group]["_target_"]

            assert callable(hydra.utils.get_class(target))
