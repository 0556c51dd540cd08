"""Classes by the name a config gives them: what a plug-in adds to."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from render.errors import ConfigError

__all__ = ["PLUGIN_HINT", "Registry"]

PLUGIN_HINT = "; one of your own needs its package named: plugins=[PACKAGE]"
"""The tail of a message about a name that no class is registered by."""

T = TypeVar("T")
S = TypeVar("S")


class Registry(Mapping[str, type[T]], Generic[T]):
    """Classes of one kind by name, in the order of the alphabet.

    The modules of one package of the house register themselves when a name is first looked
    up, so that a new file there is all that a new class needs. The modules of a plug-in do the
    same when they are imported.

    Args:
        base: What every class of the kind derives from.
        key: Config key under which the names are chosen; messages name it.
        home: Package whose modules are imported at the first look.

    """

    def __init__(self, base: type[T], *, key: str, home: str) -> None:
        self._base = base
        self._key = key
        self._home = home
        self._classes: dict[str, type[T]] = {}
        self._is_home_read = False

    def register(self, name: str) -> Callable[[type[S]], type[S]]:
        """Decorates a class that is to be known by a name.

        Raises:
            ConfigError: It is of another kind, abstract, or the name is another's already.

        """

        def add(cls: type[S]) -> type[S]:
            where = f"{cls.__module__}.{cls.__qualname__}"
            known: type = cls
            if not issubclass(known, self._base):
                raise ConfigError(f"{where} must derive from {self._base.__name__}")
            lacks = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
            if lacks:
                raise ConfigError(f"{where} must have all that its kind needs; it lacks {lacks}")
            if not cls.__module__.startswith(f"{self._home}."):
                self._read_home()  # so that a plug-in that takes a built-in name is at fault
            other = self._classes.get(name, known)
            if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ConfigError(
                    f"{where} must have a name of its own; "
                    f"{other.__module__}.{other.__qualname__} is {name} already"
                )
            self._classes[name] = known
            return cls

        return add

    def __getitem__(self, name: str) -> type[T]:
        """The class of a name.

        Raises:
            ConfigError: There is none; the message lists those there are.

        """
        self._read_home()
        if name not in self._classes:
            raise ConfigError(
                f"{self._key} must be one of {', '.join(self) or 'none'}, got {name!r}{PLUGIN_HINT}"
            )
        return self._classes[name]

    def __contains__(self, name: object) -> bool:
        self._read_home()
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        self._read_home()
        return iter(sorted(self._classes))

    def __len__(self) -> int:
        self._read_home()
        return len(self._classes)

    def _read_home(self) -> None:
        if self._is_home_read:
            return
        self._is_home_read = True
        package = importlib.import_module(self._home)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._home}.{module.name}")
