"""Everything this package raises on purpose.

::

    RenderError                 shown to the user as one paragraph, exit code 1
    ├── ConfigError             a value of the config breaks its rule
    ├── AssetError              a model, background or texture cannot be used
    ├── EngineError             no GL, or GL failed
    ├── DatasetError            a dataset on disk is torn, foreign or not writable
    ├── InvariantError          labels contradict each other: a bug, the run stops
    └── UnrealisableError       θ was redrawn too often without success
    RejectedTheta               one draw cannot be realised; it is redrawn and counted
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "AssetError",
    "ConfigError",
    "DatasetError",
    "EngineError",
    "InvariantError",
    "RejectedTheta",
    "RenderError",
    "UnrealisableError",
]


class RenderError(Exception):
    """Base of all errors whose message alone tells the user what to do."""


class ConfigError(RenderError):
    """``<field> must <rule>, got <value>``."""


class AssetError(RenderError):
    """A file under the asset folders that cannot be used.

    Attributes:
        path: The file or folder.
        reason: Why, without the path.

    """

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[AssetError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)


class EngineError(RenderError):
    """No usable GL platform, or a GL call failed."""


class DatasetError(RenderError):
    """A dataset on disk is torn, belongs to another config, or cannot be written."""


class InvariantError(RenderError):
    """Labels of one frame contradict each other; the message holds the frame's θ."""


class UnrealisableError(RenderError):
    """A frame was rejected at every attempt; the message counts the reasons."""


class RejectedTheta(Exception):  # noqa: N818  (not an error: it is counted)
    """One draw of θ cannot be realised.

    Attributes:
        reason: A short constant phrase: rejections are counted by it.

    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
