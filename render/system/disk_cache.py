"""Slow conversions of model files, kept on disk from one run to the next.

In ``$XDG_CACHE_HOME/render`` (``~/.cache/render``), by the hash of what was converted. It saves
time and changes nothing: an entry that is missing, torn or cannot be written is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable

from render.errors import DatasetError
from render.system.cache_folder import folder_of_kept, trim_kept
from render.system.files import write_whole

__all__ = ["converted"]

_HASH_BYTES = 32


def converted(key: str, convert: Callable[[], bytes]) -> bytes:
    """What `convert` gives, or gave in an earlier run.

    Args:
        key: Names input, converter and version: equal keys mean equal results.
        convert: Does the work.

    """
    folder = folder_of_kept()
    if folder is None:
        return convert()
    path = folder / hashlib.sha256(key.encode()).hexdigest()
    with contextlib.suppress(OSError):
        kept = path.read_bytes()
        data = kept[_HASH_BYTES:]
        if data and hashlib.sha256(data).digest() == kept[:_HASH_BYTES]:
            with contextlib.suppress(OSError):  # a folder that may only be read
                path.touch()
            return data
    data = convert()
    with contextlib.suppress(OSError, DatasetError):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, hashlib.sha256(data).digest() + data)
        trim_kept(folder)
    return data
