"""Everything this package raises on purpose.

::

    RenderError                 shown to the user as one paragraph, exit code 1
    ├── ConfigError             a value of the config breaks its rule
    ├── AssetError              a model, background or texture cannot be used
    ├── EngineError             no GL, or GL failed
    ├── DatasetError            a dataset on disk is torn, foreign or not writable
    │   └── DiskFullError       there is no room for it
    ├── InvariantError          labels contradict each other: a bug, the run stops
    └── UnrealisableError       θ was redrawn too often without success
    RejectedTheta               one draw cannot be realised; it is redrawn and counted
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path

__all__ = [
    "AssetError",
    "ConfigError",
    "DatasetError",
    "DiskFullError",
    "EngineError",
    "InvariantError",
    "RejectedTheta",
    "RenderError",
    "UnrealisableError",
    "failure_of",
]

_PACKAGE = Path(__file__).parent
_MOST_CHARACTERS = 10_000
# Line breaks with what indents the next line; then what a terminal cannot show or obeys.
_BREAK = re.compile("[ \t]*[\n\r\v\f\x85\u2028\u2029]\\s*")
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class RenderError(Exception):
    """Base of all errors whose message alone tells the user what to do.

    The message is one paragraph of text in UTF-8, whatever values and messages of others it
    quotes: line breaks become blanks, other control characters and bytes that are no text are
    escaped, and more than 10,000 characters lose those in their middle.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_paragraph(message))


def _paragraph(message: str) -> str:
    text = _BREAK.sub(" ", message.strip())
    text = _NO_TEXT.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    half = _MOST_CHARACTERS // 2
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:half]} ... {text[-half:]}"


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


class DiskFullError(DatasetError):
    """A dataset cannot be written because the disk, or what of it is the user's, is full."""


class InvariantError(RenderError):
    """Labels of one frame contradict each other; the message holds the frame's θ."""


class UnrealisableError(RenderError):
    """A frame was rejected at every attempt; the message counts the reasons."""


class RejectedTheta(Exception):  # noqa: N818  (not an error: it is counted)
    """One draw of θ cannot be realised.

    Attributes:
        reason: A short constant phrase: rejections are counted by it.
        leaves: What to loosen, as the config names it, such as ``objects.count``.

    """

    def __init__(self, reason: str, *leaves: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.leaves = leaves


def failure_of(error: BaseException) -> str:
    """What a plug-in raised, and where: ``KeyError: 'size' (my_writer.py, line 24)``.

    The place is the last one outside of this package and of installed libraries; an error that
    was raised elsewhere has none.
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if (
            not path.is_relative_to(_PACKAGE)
            and path.is_file()
            and "site-packages" not in path.parts
        ):
            return f"{text} ({path.name}, line {frame.lineno})"
    return text
