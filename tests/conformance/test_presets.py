"""Presets: each holds what differs from the base of its group, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from render.config.presets import MIXTURE, preset_files, presets_of
from render.errors import ConfigError
from render.sampling.groups import GROUPS
from render.system.paths import CONF_DIR
from tests.spaces import composed, leaves_of

PRESETS = [(g, name) for g in GROUPS for name in preset_files(g, [CONF_DIR]) if name != MIXTURE]


def base_of(group: str) -> dict[str, object]:
    base = OmegaConf.to_container(OmegaConf.load(CONF_DIR / group / "_base.yaml"))
    assert isinstance(base, dict)
    return {str(key): value for key, value in base.items()}


@pytest.mark.parametrize("group", GROUPS)
def test_the_base_of_a_group_holds_every_leaf_of_its_schema_in_order(group: str) -> None:
    assert list(base_of(group)) == list(leaves_of(group))


@pytest.mark.parametrize(("group", "preset"), PRESETS)
def test_a_preset_repeats_nothing_of_its_base(group: str, preset: str) -> None:
    own = OmegaConf.to_container(OmegaConf.load(CONF_DIR / group / f"{preset}.yaml"))
    assert isinstance(own, dict)

    assert own.pop("defaults")[:2] == ["_base", "_self_"]
    assert [key for key in own if own[key] == base_of(group)[str(key)]] == []


@pytest.mark.parametrize(("group", "preset"), PRESETS)
def test_a_mixture_stores_each_preset_as_hydra_composes_it(group: str, preset: str) -> None:
    stored = composed(f"{group}={MIXTURE}")["presets"][group]

    assert stored[preset] == composed(f"{group}={preset}")[group]
    assert "_base" not in stored


def test_any_leaf_can_be_overridden_under_any_preset_without_a_plus() -> None:
    for group, preset in PRESETS:
        leaf = next(iter(leaves_of(group)))
        assert composed(f"{group}={preset}", f"{group}.{leaf}=7")[group][leaf] == 7


def test_a_preset_of_a_user_stands_on_the_base_and_on_other_presets(tmp_path: Path) -> None:
    (tmp_path / "lighting").mkdir()
    (tmp_path / "lighting" / "dusk.yaml").write_text("defaults: [sun, _self_]\nambient: 0.5\n")
    folders = [tmp_path, CONF_DIR]

    found = presets_of("lighting", folders)

    assert found["dusk"] == found["sun"] | {"ambient": 0.5}
    assert composed("lighting=dusk", searched=tmp_path)["lighting"] == found["dusk"]


def test_a_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "lighting").mkdir()
    (tmp_path / "lighting" / "dusk.yaml").write_text("defaults: [_bse, _self_]\n")

    with pytest.raises(ConfigError, match=r"defaults of a preset of lighting must name .*_bse"):
        presets_of("lighting", [tmp_path, CONF_DIR])
