"""How a section of the config declares its keys, as a plug-in does too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from render.config.run_config import RunConfig, identity_of
from render.config.settings import read, section, setting, settings_of
from render.errors import ConfigError
from tests.spaces import composed


@dataclass(frozen=True, kw_only=True)
class Inner:
    step: float = setting(kind="number", lo=0, hi=1, doc="A share.")


@dataclass(frozen=True, kw_only=True)
class Settings:
    prefix: str = setting(kind="text", doc="What names of files begin with.")
    n: int = setting(kind="integer", lo=1, hi=3, default=2, doc="A number.")
    folder: Path | None = setting(kind="folder", nullable=True, default=None, doc="A folder.")
    parts: tuple[str, ...] = setting(
        kind="names", options=("box", "mask"), default=("box",), doc="What is written."
    )
    inner: Inner = section(Inner)


GOOD = {"prefix": "cell_", "inner": {"step": 1}}


def test_a_section_is_read_with_what_older_configs_do_not_have() -> None:
    found = read(Settings, GOOD, "writer.mine")

    assert found == Settings(
        prefix="cell_", n=2, folder=None, parts=("box",), inner=Inner(step=1.0)
    )
    assert isinstance(found.inner.step, float)
    assert read(Settings, GOOD | {"prefix": ""}).prefix == ""


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("prefix", 3, "writer.mine.prefix must be a text, got 3"),
        ("n", 4, "writer.mine.n must be a whole number from 1 to 3, got 4"),
        ("n", None, "writer.mine.n must be a whole number from 1 to 3, got None"),
        ("folder", 1, "writer.mine.folder must be the path of a folder, or null, got 1"),
        ("parts", ["box", "hull"], "writer.mine.parts must be one of box, mask, got 'hull'"),
        ("parts", [], "writer.mine.parts must be a list of one or more names, got []"),
        ("inner", {"step": 2}, "writer.mine.inner.step must be a number from 0 to 1, got 2"),
        ("inner", {}, "writer.mine.inner.step must be set, and is missing"),
        ("inner", [], "writer.mine.inner must be a mapping, got []"),
        ("prefx", "", "writer.mine.prefx must be a key of the config; did you mean writer.mine.pr"),
    ],
)
def test_a_bad_value_is_told_by_its_full_name(key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(Settings, GOOD | {key: value}, "writer.mine")

    assert str(caught.value).startswith(message)


def test_every_key_of_the_run_is_in_the_file_that_sets_them_and_is_explained() -> None:
    config = composed("output_dir=here")
    stored = {"experiment", "presets", "top_ups"}
    named = dict(settings_of(RunConfig))

    for name, spec in named.items():
        section_name, _, key = name.rpartition(".")
        node = config[section_name] if section_name else config
        assert key in node or name in stored, name
        assert spec.doc.endswith("."), name
    assert all(name in named or isinstance(value, dict) for name, value in config.items())


def test_the_identity_leaves_out_how_far_where_and_how_fast() -> None:
    config = composed("output_dir=here")

    left_out = set(config) - set(identity_of(config))
    assert left_out == {
        "n_frames", "workers", "memory_mb", "execution", "output_dir", "overwrite", "top_up",
        "plugins", "frames", "shard", "frame_timeout_s", "skip_failed_frames", "log",
    }  # fmt: skip
    assert identity_of(config) == {k: v for k, v in config.items() if k not in left_out}
