"""How a process on another machine, or started by a scheduler, begins to render for a run."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from render.config.trust import all_versions, import_plugins
from render.dataset.frame_result import FrameOutcome
from render.errors import DatasetError, EngineError
from render.execute.worker import start_worker
from render.plan import Plan

__all__ = ["Origin"]


@final
@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a run tells the processes that it has elsewhere.

    Attributes:
        config: The run's resolved config.
        folder: Where the dataset is.
        cwd: Folder that the run was started from: relative paths are meant from there.
        versions: Of all that decides bytes, on the machine of the run.

    """

    config: Mapping[str, Any]
    folder: Path
    cwd: str
    versions: Mapping[str, str]

    @classmethod
    def of(cls, plan: Plan) -> Origin:
        """That of a run in this process."""
        return cls(
            config=dict(plan.config),
            folder=plan.run.disk,
            cwd=os.getcwd(),
            versions=all_versions(plan.run.plugins),
        )

    def start(self, slot: int, *, owns_gpu: bool) -> Callable[[int], FrameOutcome]:
        """Builds the plan and starts the engine, in the process that is to render.

        Args:
            slot: The number of the process among those of the run.
            owns_gpu: The scheduler has hidden all GPUs from it but the one that it was given.

        Returns:
            The function that renders a frame.

        Raises:
            EngineError: There are other versions here.
            DatasetError: The dataset is not seen from here.

        """
        host = socket.gethostname()
        with contextlib.suppress(OSError):
            os.chdir(self.cwd)
        plugins = tuple(self.config["plugins"])
        import_plugins(plugins)
        own = all_versions(plugins)
        for name, version in self.versions.items():
            if own[name] != version:
                raise EngineError(
                    f"the machine {host} has {name} {own[name]}, but the run {name} {version}, and "
                    "other versions draw other bytes: install the same everywhere"
                )
        if not self.folder.is_dir():
            raise DatasetError(
                "output_dir (of a URL: XDG_CACHE_HOME) must be a folder that all machines share, "
                f"and {host} has no {Path(self.cwd) / self.folder}"
            )
        config = self.config
        if owns_gpu and "device" in config["engine"]:
            config = {**config, "engine": {**config["engine"], "device": 0}}
        draw = start_worker(config, self.folder, slot)
        return lambda frame_idx: draw(frame_idx)()
