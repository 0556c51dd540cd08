"""The part of the config that is not θ."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from render.build import resolve
from render.config import RunConfig, identity_of, sha256_of
from render.errors import ConfigError
from render.paths import CONF_DIR


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return resolve(compose("config", overrides=["output_dir=somewhere"]), [CONF_DIR])


def test_defaults_are_those_of_the_contract(config: dict[str, Any]) -> None:
    run = RunConfig.of(config)

    assert (run.n_frames, run.seed, run.workers, run.sampling) == (100, 0, None, "random")
    assert (run.val_fraction, run.overwrite) == (0.2, False)
    assert run.output_dir == Path("somewhere")
    assert run.formats == ("coco", "yolo")
    assert (run.masks, run.depth, run.depth_unit_m) == (True, False, 1e-4)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("n_frames", 0, "n_frames must be a whole number from 1"),
        ("n_frames", 2.5, "n_frames must be a whole number"),
        ("n_frames", True, "n_frames must be a whole number"),
        ("workers", "many", "workers must be auto or a whole number"),
        ("workers", 0, "workers must be auto"),
        ("sampling", "halton", "sampling must be one of random, sobol, lhs, grid, got 'halton'"),
        ("val_fraction", float("nan"), "val_fraction must be a number from 0 to 1, got nan"),
        ("val_fraction", 1.5, "val_fraction must be a number from 0 to 1"),
        ("overwrite", "yes", "overwrite must be true or false"),
        ("models", [], "models must be a list of names or globs"),
        ("models", [3], "models must be a list"),
        ("assets.skip_bad", 1, "assets.skip_bad must be true or false"),
        ("labels.min_visib_fract", -0.1, "labels.min_visib_fract must be a number from 0 to 1"),
        ("labels.min_px", 0, "labels.min_px must be a whole number from 1"),
        ("output.formats", ["coco", "voc"], "output.formats must be one of coco, yolo"),
        ("output.image", "gif", "output.image must be one of jpg, png"),
        ("output.yolo", "pose", "output.yolo must be one of detect, segment"),
        ("output.depth_unit_m", 0, "output.depth_unit_m must be a number"),
        ("n_frame", 3, "n_frame is not a key of the config; did you mean n_frames"),
        ("output.mask", True, "output.mask is not a key of the config; did you mean output.masks"),
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
        RunConfig.of(bad)

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
