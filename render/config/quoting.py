"""Words of a command line in the form that Hydra's grammar takes.

Hydra reads a value such as ``out/run=3``, ``bolt (1)`` or ``größe`` only in quotes of its own,
inside those of the shell. A word that it cannot read as it was typed gets them here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from render.errors import ConfigError

__all__ = ["WEIGHTS_HINT", "has_odd_weights", "quoted", "readable", "typed"]

_OPENING, _CLOSING = "([{", ")]}"
# What Hydra works out itself: a name in front of a bracket that is none of these is a name.
_FUNCTIONS = re.compile(r"(bool|choice|float|glob|int|interval|json_str|range|shuffle|sort|str|tag)"
                        r"\(")  # fmt: skip
_KEY = re.compile(r"(\+\+?|~)?[A-Za-z_][\w/-]*(\.\w+)*(@[\w.:]*)?", re.ASCII)
WEIGHTS_HINT: Final = (
    "keys of weights can be neither null nor quoted nor of other letters here: repeat the values, "
    "as in [choice,null,100,100], or write the weights in an experiment file"
)
"""What to do where `has_odd_weights` holds."""
# A mapping with a key that the grammar has no form for.
_WEIGHTS = re.compile(r"\{([^}]*,)?\s*(null|[\"'][^:}]*|[^:}]*[^\x00-\x7f][^:}]*)\s*:")
# A name that Hydra and shells take as it is.
_PLAIN = re.compile(r"[\w./:-]*[\w./-]", re.ASCII)
_PARSER = OverridesParser.create()


def readable(word: str) -> str:
    """A word ``KEY=VALUE`` with quotes around each name that Hydra takes only so.

    Lists and mappings are looked into. A word that can be read as it is stays as it is.

    Raises:
        ConfigError: It is none, and no quotes around names make it one.

    """
    key, equals, value = word.partition("=")
    if not word.isascii() and not _is_text(word):
        raise ConfigError(f"a word must be UTF-8 text, got {word!a}: rename what it names")
    if not _KEY.fullmatch(key):
        raise ConfigError(
            f"a word must be KEY=VALUE, such as n_frames=10, with a key of letters, digits, dots "
            f"and underscores, got {word}"
        )
    if _is_readable(word):
        return word
    names = "".join(_with_quotes(piece) for piece in _pieces(value))
    if equals and _is_readable(f"{key}={names}"):
        return f"{key}={names}"
    raise ConfigError(_unreadable(word, key, value))


def has_odd_weights(value: str) -> bool:
    """Whether a value has a mapping with a key that the grammar has no form for."""
    return _WEIGHTS.search(value) is not None


def _unreadable(word: str, key: str, value: str) -> str:
    if "=" not in word:
        return f"{key} must have a value, got none: write {key}=VALUE"
    fix = "write lists as [a,b] and mappings as {a:1}, with every bracket closed"
    if has_odd_weights(value):
        fix = WEIGHTS_HINT
    elif _is_readable(f"{key}={quoted(value)}"):
        fix += f"; as one name it is '{key}={quoted(value)}'"
    return f"{key} must be a value that can be read, got {value}: {fix}"


def quoted(text: str) -> str:
    """A text in quotes of Hydra, in which it means itself."""
    # Backslashes count only in front of a quote, or of the end.
    return '"' + re.sub(r'(\\*)("|$)', lambda m: m[1] * 2 + (m[2] and r"\""), text) + '"'


def typed(key: str, text: str) -> str:
    """The word of a shell that gives a key one name, whatever letters it has."""
    return shlex.quote(f"{key}={text if _PLAIN.fullmatch(text) else quoted(text)}")


def _is_readable(word: str) -> bool:
    """Whether Hydra's grammar takes a word as it is."""
    try:
        _PARSER.parse_override(word)
    except HydraException:
        return False
    return True


def _is_text(word: str) -> bool:
    """Whether it has no bytes of another encoding, which Python keeps as half a character."""
    return not re.search("[\ud800-\udfff]", word)


def _with_quotes(piece: str) -> str:
    name = piece.strip()
    if not name or name in "[]{},:" or name[0] in "\"'" or _FUNCTIONS.match(name):
        return piece
    return piece if _is_readable(f"x={name}") else quoted(name)


def _pieces(value: str) -> Iterator[str]:
    """The brackets, commas and colons of a value, and what stands between them.

    A bracket behind a name, as in ``bolt (1)`` or ``${seed}``, belongs to the name, with all that
    it encloses. A colon counts behind the key of a mapping.
    """
    name, within, opened, quote = "", 0, [""], ""
    may_be_key = False
    for i, char in enumerate(value):
        is_escaped = i > 0 and value[i - 1] == "\\"
        if quote:
            name, quote = name + char, "" if char == quote and not is_escaped else quote
        elif char in "\"'" and not name.strip():
            name, quote = name + char, char
        elif within or (name.strip() and char in _OPENING):
            within += (char in _OPENING) - (char in _CLOSING)
            name += char
        elif char in "[]{}," or (char == ":" and may_be_key):
            yield name
            yield char
            name = ""
            if char in "[{":
                opened.append(char)
            elif char in "]}" and len(opened) > 1:
                opened.pop()
            may_be_key = char in "{," and opened[-1] == "{"
        else:
            name += char
    yield name
