"""Which engine is measured, and how it is called."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from render.config.trust import instantiate
from render.engine.base import AbstractEngine, DeviceInfo
from tests.spaces import composed

__all__ = ["add_engine_argument", "drew", "name_of", "start"]


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    """Lets a benchmark take ``--engine``: the default is what a run takes on this machine."""
    parser.add_argument("--engine", default="auto", choices=("auto", "cpu", "pyrender"))


def start(engine: str) -> AbstractEngine:
    """The engine that ``engine=...`` of a run names."""
    node = composed(f"engine={engine}")["engine"]
    found: AbstractEngine = instantiate("engine", node, AbstractEngine, ())
    return found


def drew(dataset_dir: Path) -> str:
    """What drew a dataset, in a line."""
    dataset = yaml.safe_load((dataset_dir / "dataset.yaml").read_text(encoding="utf-8"))
    return "{platform}: {renderer}, {version}".format_map(dataset["gl"])


def name_of(info: DeviceInfo) -> str:
    """What draws, in a line."""
    return f"{info.platform}: {info.renderer}, {info.version}"
