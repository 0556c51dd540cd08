"""What code a config may run: classes of this package, and of plug-ins that the user names.

A plug-in is a package or module that `plugins` names. Importing it registers what it brings.
`plugins` counts from the command line or `render.compose` alone, because whoever writes a file
must not be able to run code where it is read.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import inspect
import keyword
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from render.errors import ConfigError, RenderError, failure_of
from render.system.plain_data import yaml_of
from render.system.version import LIBRARIES, version_of

__all__ = [
    "add_plugins_argument",
    "all_versions",
    "check_target",
    "class_of",
    "import_plugins",
    "instantiate",
    "plugin_names",
    "plugin_versions",
    "plugins_among",
    "plugins_hint",
]

_PACKAGE = __name__.partition(".")[0]
_TARGET = "_target_"


def plugin_names(value: Any) -> tuple[str, ...]:
    """The names of packages or modules that ``plugins`` lists, each once.

    Raises:
        ConfigError: The value is no list of names such as ``my_package`` or ``a.b``.

    """
    names = [value] if isinstance(value, str) else value
    is_list = isinstance(names, Sequence) and all(isinstance(name, str) for name in names)
    if not is_list or not all(map(_is_module_name, names)):
        raise ConfigError(
            "plugins must be a list of names of Python packages, such as plugins=[my_package], "
            f"got {value!r}"
        )
    return tuple(dict.fromkeys(names))


def import_plugins(names: Sequence[str]) -> None:
    """Imports plug-ins, which registers their classes.

    Raises:
        ConfigError: One cannot be imported, raises while it is, or brings what cannot be used.

    """
    for name in names:
        try:
            importlib.import_module(name)
        except ConfigError as error:
            raise ConfigError(f"plugins must name packages that can be used: {error}") from error
        # What a module of the user raises while it is imported can be anything.
        except (Exception, SystemExit) as error:
            raise ConfigError(
                f"plugins must name packages that can be imported, got {name}: "
                f"{failure_of(error)}{_import_hint(error, name)}"
            ) from error


def plugin_versions(names: Sequence[str]) -> dict[str, str]:
    """What tells one state of a plug-in from another, by its name: a hash of its Python files.

    Args:
        names: Of plug-ins that were imported.

    """
    return {name: _code_of(name) for name in names}


def all_versions(plugins: Sequence[str]) -> dict[str, str]:
    """What decides the bytes of a frame beside its config, by name, as it is on this machine.

    Args:
        plugins: Names of plug-ins that were imported.

    """
    own = {name: version_of(name) for name in LIBRARIES}
    return own | plugin_versions(plugins)


def check_target(key: str, target: Any, plugins: Sequence[str], *, where: str = "") -> None:
    """Checks that a class is one that a config may name. Nothing is imported.

    Args:
        key: The key of the config, such as ``engine._target_``.
        target: Dotted path of the class.
        plugins: Names of the packages that the user trusts.
        where: File that names the class, for the message.

    Raises:
        ConfigError: It is neither of this package nor of one of `plugins`.

    """
    if not isinstance(target, str) or "." not in target or not _is_module_name(target):
        raise ConfigError(f"{key} must be the dotted path of a class, got {target!r}")
    if any(target.startswith(f"{name}.") for name in (_PACKAGE, *plugins)):
        return
    package = target.partition(".")[0]
    raise ConfigError(
        f"{key} must be a class of {_PACKAGE} or of a package that plugins names, got {target}"
        f"{where and f' in {where}'}: say plugins=[{package}] on the command line if you trust it, "
        "because its code will run"
    )


def class_of(key: str, node: Any, kind: type[Any], plugins: Sequence[str]) -> type[Any]:
    """The class that a node of the config names by ``_target_``.

    Args:
        key: The key of the node, for messages.
        node: A mapping with ``_target_`` and the arguments of the class.
        kind: What the class must derive from.
        plugins: Names of the packages that the user trusts.

    Raises:
        ConfigError: The class is not to be trusted, cannot be imported, is of another kind,
            abstract, or does not take its arguments.

    """
    if not isinstance(node, Mapping) or _TARGET not in node:
        raise ConfigError(f"{key} must be a preset with a {_TARGET}, got {node!r}")
    where = f"{key}.{_TARGET}"
    target = node[_TARGET]
    check_target(where, target, plugins)
    arguments = _arguments(node)
    for name in _nested_targets(key, arguments):
        raise ConfigError(f"{name} must not be set: a class is named by {where} alone")
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except RenderError:
        raise
    # What a module of the user raises while it is imported can be anything.
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{where} must be importable, got {target}: {failure_of(error)}"
        ) from error
    if not isinstance(found, type) or not issubclass(found, kind):
        raise ConfigError(f"{where} must derive from {kind.__name__}, got {target}")
    if inspect.isabstract(found):
        lacks = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise ConfigError(f"{where} must have all that its kind needs; {target} lacks {lacks}")
    try:
        inspect.signature(found).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{key} must take its keys: {target}: {error}") from error
    return found


def instantiate(key: str, node: Any, kind: type[Any], plugins: Sequence[str]) -> Any:
    """The object that a node of the config names; see `class_of`.

    Raises:
        ConfigError: See `class_of`, or the class refuses its arguments.

    """
    found = class_of(key, node, kind, plugins)
    try:
        return found(**_arguments(node))
    except RenderError:
        raise
    # What a class of the user raises can be anything.
    except Exception as error:
        raise ConfigError(
            f"{key} must take its keys: {node[_TARGET]}: {failure_of(error)}"
        ) from error


class _PluginsAction(argparse.Action):
    """Reads ``plugins=[my_package]``; any other word is one too many."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if not isinstance(values, str):  # the default
            setattr(namespace, self.dest, values)
            return
        rest, plugins = plugins_among([values], parser)
        if rest:
            parser.error(f"unrecognized arguments: {values}")
        setattr(namespace, self.dest, plugins)


def plugins_among(
    words: Sequence[str], parser: argparse.ArgumentParser
) -> tuple[list[str], tuple[str, ...]]:
    """Words of a command other than ``plugins=[my_package]``, and what that names."""
    rest, plugins = list[str](), tuple[str, ...]()
    for word in words:
        key, _, value = word.partition("=")
        if key != "plugins":
            rest.append(word)
            continue
        try:
            plugins = plugin_names(yaml_of(value.encode()))
        except (ConfigError, ValueError) as error:
            parser.error(str(error))
    return rest, plugins


def add_plugins_argument(parser: argparse.ArgumentParser) -> None:
    """Lets a command take ``plugins=[my_package]``; parse with ``parse_intermixed_args``."""
    parser.add_argument(
        "plugins",
        nargs="?",
        action=_PluginsAction,
        default=(),
        metavar="plugins=[PACKAGE]",
        help="packages with classes of your own that the dataset was made with: their code runs",
    )


def plugins_hint(config: Mapping[str, Any], given: Sequence[str]) -> str:
    """What to add to an error about a dataset that was made with plug-ins that are not given.

    Args:
        config: The dataset's config, as it is stored.
        given: Names of the plug-ins that the user has named.

    Returns:
        A sentence in brackets; empty where none is missing.

    """
    try:
        stored = plugin_names(config.get("plugins", []))
    except ConfigError:
        return ""
    if set(stored) <= set(given):
        return ""
    word = f"plugins=[{','.join(stored)}]"
    return f" (it was made with {word}: say so on the command line if you trust these packages)"


def _code_of(name: str) -> str:
    """Hash of the Python files of a module, or of all that lie in a package."""
    module = importlib.import_module(name)
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    if not files and module.__file__ is not None:
        files = [Path(module.__file__)]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()[:16]}"


def _is_module_name(name: str) -> bool:
    parts = name.split(".")
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)


def _arguments(node: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in node.items() if name != _TARGET}


def _nested_targets(key: str, value: Any) -> Iterator[str]:
    """Keys with which a value of an argument would name a class in turn."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == _TARGET:
                yield f"{key}.{name}"
            yield from _nested_targets(f"{key}.{name}", inner)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from _nested_targets(f"{key}.{i}", inner)


def _import_hint(error: BaseException, name: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]:
        return ": install it, or start from the folder that it lies in"
    return ""
