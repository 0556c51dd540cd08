"""Which folders a config was composed from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from render.system.paths import CONF_DIR

__all__ = ["preset_dirs"]


def preset_dirs(sources: Iterable[Any]) -> list[Path]:
    """Folders that hold presets of groups; of two presets of one name the first folder's counts.

    Args:
        sources: ``hydra.runtime.config_sources`` of a composed config.

    """
    paths = (Path(s.path) for s in sources if s.schema == "file")
    return [path for path in paths if path.is_dir()] or [CONF_DIR]
