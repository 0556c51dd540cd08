"""What a file of a config may say, whoever wrote it: plain values, keys of the config, presets.

An experiment or a preset may come from anyone. Each such file is looked at as YAML has parsed it,
before a value is made of it: tags would build objects, resolvers would read what is not the
file's, aliases would multiply, and a list of defaults could lead out of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from render.errors import ConfigError

__all__ = ["check_config_file"]

MAX_BYTES: Final = 1_000_000
"""A longer file is no config."""
MAX_NODES: Final = 100_000
"""Values of a file, each counted as often as aliases repeat it."""
MAX_DEPTH: Final = 50
_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + name for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge")}
# ${key} and ${section.key}: what stands elsewhere in the config, and nothing else.
_KEY = re.compile(r"\$\{[\w.]+\}")
# What a file may choose of Hydra itself, from what is installed.
_OF_HYDRA = r"/?hydra/(launcher|sweeper)(/|$)"


def check_config_file(path: Path) -> None:
    """Refuses a file of a config that says more than values.

    Raises:
        ConfigError: It cannot be read, is no YAML, holds no keys, or has a tag, a resolver, a list
            of defaults that leads elsewhere, or more values than a config has.

    """
    root = _parsed(path)
    if root is None:
        return
    for key, node in _nodes(path, root):
        where = f"{path}, line {_line(node)}"
        if node.tag not in _PLAIN and node.tag != _TAG + "timestamp":
            raise ConfigError(
                f"{key or 'the file'} must be a plain value, because a tag can run code, got "
                f"{_shown_tag(node.tag)} in {where}"
            )
        if isinstance(node, yaml.ScalarNode) and "${" in _KEY.sub("", node.value):
            raise ConfigError(
                f"{key} must name a key of the config in ${{}} and no resolver, which must stand "
                f"on the command line, because its value is stored with the dataset, got "
                f"{node.value} in {where}"
            )
    if not isinstance(root, yaml.MappingNode):
        if root.tag == _TAG + "null":
            return
        raise ConfigError(
            f"{path} must hold keys with values, such as n_frames: 10, and holds none"
        )
    for name, value in root.value:
        if getattr(name, "value", None) == "defaults":
            _check_defaults(path, value)


def _parsed(path: Path) -> yaml.Node | None:
    if not path.name.isprintable():
        raise ConfigError(f"{str(path)!a} must have a name of printable UTF-8 text: rename it")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} must have at most {MAX_BYTES} bytes to be a config")
        text = path.read_text(encoding="utf-8")
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"{path} must be a file that can be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} must be UTF-8 text, got {error.object[error.start : error.end]!r} at byte "
            f"{error.start}: save it as UTF-8"
        ) from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = error.problem or error.context
        raise ConfigError(f"{path}{line} must be YAML: {reason}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} must be YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} must not nest deeper than {MAX_DEPTH} levels") from error


def _nodes(path: Path, root: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """Every value with its key, and every key; an alias is another value.

    Raises:
        ConfigError: There are too many, they nest too deep, or a key stands twice.

    """
    stack = [("", root, 1)]
    n = 0
    while stack:
        key, node, depth = stack.pop()
        n += 1
        if depth > MAX_DEPTH:
            raise ConfigError(f"{path} must not nest deeper than {MAX_DEPTH} levels, in {key}")
        if n > MAX_NODES:
            raise ConfigError(f"{path} must hold at most {MAX_NODES} values, aliases repeated")
        yield key, node
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for name, value in node.value:
                own = name.value if isinstance(name, yaml.ScalarNode) else "?"
                full = f"{key}.{own}" if key else own
                if own in seen and own != "<<":
                    raise ConfigError(f"{full} must stand once in {path}, line {_line(name)}")
                seen.add(own)
                stack += [(full, name, depth + 1), (full, value, depth + 1)]
        elif isinstance(node, yaml.SequenceNode):
            stack += [(f"{key}.{i}", value, depth + 1) for i, value in enumerate(node.value)]


def _check_defaults(path: Path, node: yaml.Node) -> None:
    """Each entry names a file of the folder, or chooses presets of a group."""
    entries = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for entry in entries:
        names = list(_names(entry)) if isinstance(node, yaml.SequenceNode) else [None]
        if None in names:
            raise ConfigError(
                f"defaults of {path} must be a list such as [_base, _self_], or of lines such as "
                f"`- override /lighting: sun`, got something else in line {_line(entry)}"
            )
        for name in (str(name) for name in names):
            plain = name.split(" ")[-1].partition("@")[0]
            if {"..", "\\"} & {*re.split(r"(\\)|/", name)} or "//" in name:
                raise ConfigError(
                    f"defaults of {path} must name files of the folder of configs, got {name}"
                )
            if re.match(r"/?hydra(/|$)", plain) and not re.match(_OF_HYDRA, plain):
                raise ConfigError(
                    f"defaults of {path} must choose nothing of Hydra but its launcher and "
                    f"sweeper, because it can run code, got {name}: say it on the command line"
                )


def _names(entry: yaml.Node) -> Iterator[str | None]:
    """The names in an entry of a list of defaults, None for what is no name."""
    if not isinstance(entry, yaml.MappingNode):
        yield _text(entry)
        return
    for group, chosen in entry.value if len(entry.value) == 1 else [(None, None)]:
        yield _text(group)
        for one in chosen.value if isinstance(chosen, yaml.SequenceNode) else [chosen]:
            if one is None or one.tag != _TAG + "null":  # null chooses nothing
                yield _text(one)


def _text(node: yaml.Node | None) -> str | None:
    is_text = isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "str"
    return str(node.value) if node is not None and is_text else None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _shown_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag
