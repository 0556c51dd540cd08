"""Names of a sweep's jobs: what each of them is, and not which number it has."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence

from render.config.run_config import RunConfig
from render.config.settings import settings_of

__all__ = ["job_name"]

_MAX_BYTES = 200
_HASH_CHARS = 8
# What stands for itself in a name. A list is written without its brackets, and so has a comma.
_PLAIN = re.compile(
    r"\+{0,2}[A-Za-z0-9_.]+=(\[([A-Za-z0-9._+-]+,)+[A-Za-z0-9._+-]*[A-Za-z0-9._+]\]|[A-Za-z0-9._+-]*[A-Za-z0-9._+])"
)
_FREE = frozenset(name for name, spec in settings_of(RunConfig) if not spec.identity)


def job_name(overrides: Sequence[str], swept: Collection[str] = ()) -> str:
    """Folder name of a job: its overrides, at most 200 bytes.

    They are sorted. What does not decide what frames show, such as ``n_frames`` and ``workers``, is
    left out, so that a sweep that is made longer or goes on in another way finds its jobs again.
    Every run of characters other than letters, digits and ``. = _ + , -`` becomes one ``-``. What
    is too long, or could be the name of other overrides too, ends in a hash.

    Args:
        overrides: ``KEY=VALUE`` each, as Hydra gives them to the job.
        swept: Keys that differ between the jobs: these are never left out.

    """
    kept = {_key(one) for one in swept}
    named = sorted(one for one in overrides if _key(one) in kept or not _is_free(_key(one)))
    words = [re.sub(r"[^A-Za-z0-9.=_+,-]+", "-", one.replace("=[", "=")) for one in named]
    name = ",".join(word.strip("-") for word in words) or "default"
    if len(name) <= _MAX_BYTES and all(map(_PLAIN.fullmatch, named)):
        return name
    digest = hashlib.sha256(",".join(named).encode()).hexdigest()[:_HASH_CHARS]
    return f"{name[: _MAX_BYTES - _HASH_CHARS - 1]}-{digest}"


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def _is_free(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in _FREE)
