"""What it costs to work out the ``${key}`` of a config, known before it is done.

A value that names another one twice, which names a third one twice, and so on, doubles with each
step: a kilobyte of a stranger's file would take all of the memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from render.errors import ConfigError

__all__ = ["check_cost"]

_MOST: Final = 2_000_000
# What it takes to find a value and to hold one, in characters copied.
_LOOK_UP: Final = 1000
_VALUE: Final = 20
_REFERENCE = re.compile(r"\$\{(\.*)([\w.]+)\}")


def check_cost(config: Mapping[Any, Any]) -> None:
    """Refuses a config whose values grow beyond bounds once they are worked out.

    Args:
        config: Its containers, with interpolations as they were written.

    Raises:
        ConfigError: Its interpolations lead to more than two million characters, or to more than
            two thousand other values.

    """
    _Costs(config).of((), config)


class _Costs:
    """What working out all values takes, counted once for each place that names another."""

    def __init__(self, config: Mapping[Any, Any]) -> None:
        self._config = config
        self._sizes: dict[tuple[str, ...], int] = {}
        self._made = 0

    def of(self, path: tuple[str, ...], value: Any) -> int:
        """The size of a value once it is worked out, in characters."""
        if path in self._sizes:
            return self._sizes[path]
        self._sizes[path] = 0  # a value that leads back to itself is an error of OmegaConf's
        size = _VALUE
        if isinstance(value, Mapping):
            size += sum(self.of((*path, str(key)), inner) for key, inner in value.items())
        elif isinstance(value, list):
            size += sum(self.of((*path, str(i)), inner) for i, inner in enumerate(value))
        else:
            size += len(text := str(value))
            size += sum(self._copied(path, dots, key) for dots, key in _REFERENCE.findall(text))
        self._sizes[path] = size
        return size

    def _copied(self, path: tuple[str, ...], dots: str, key: str) -> int:
        """The size of what a value names: one dot begins at its container, each further one above.

        Raises:
            ConfigError: All that is named is too much.

        """
        target = tuple(key.split("."))
        if dots:
            target = (*path[: max(len(path) - len(dots), 0)], *target)
        value: Any = self._config
        for name in target:
            if isinstance(value, Mapping):
                value = value.get(name)
            elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            else:
                return 0  # there is none, as OmegaConf will say
        size = self.of(target, value)
        self._made += _LOOK_UP + size
        if self._made > _MOST:
            raise ConfigError(
                f"{'.'.join(path)} must name fewer or smaller values in ${{}}: worked out, the "
                f"config would hold more than {_MOST} characters"
            )
        return size
