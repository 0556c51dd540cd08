"""Lists in a JSON file that may be larger than memory."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, NoReturn, final

from render.system.plain_data import json_decoder, json_of, open_regular
from render.system.stores import Folder

__all__ = ["JsonElement", "elements"]

_CHUNK = 1 << 20
_LARGEST = 1 << 24  # bytes of one element: more is a torn file
_BLANK = " \t\r\n"
_AFTER = (*_BLANK, ",", ":", "]", "}")


class JsonElement(NamedTuple):
    """One element of a list.

    Attributes:
        key: The name of the list in the file's object.
        start: Where its bytes begin in the file.
        end: Where they end.

    """

    key: str
    start: int
    end: int
    value: Any


def elements(path: Folder, *, keys: Collection[str]) -> Iterator[JsonElement]:
    """Elements of all lists in the object that a JSON file holds, in the file's order.

    Args:
        path: The file.
        keys: Those that the object may have.

    Raises:
        ValueError: The file is no such object, torn, or breaks a rule of
            `render.system.plain_data.json_of`.
        OSError: It cannot be read, or is no regular file.

    """
    with open_regular(path) as file:
        text = _Text(file)
        text.expect("{")
        waiting = {*keys}
        while text.peek() != "}":
            key = text.value().value
            if not isinstance(key, str) or key not in waiting:
                text.fail(f"its keys must be {', '.join(sorted(keys))}, each once, got {key!r:.80}")
            waiting.discard(key)
            text.expect(":")
            if text.peek() == "[":
                yield from _list(key, text)
            else:
                text.value()
            if text.peek() != "}":
                text.expect(",")
        text.expect("}")
        if text.peek():
            text.fail("there is more after its end")


def _list(key: str, text: _Text) -> Iterator[JsonElement]:
    text.expect("[")
    while text.peek() != "]":
        yield text.value()._replace(key=key)
        if text.peek() != "]":
            text.expect(",")
    text.expect("]")


@final
class _Text:
    """A window on a file that moves forward. A byte is a character here (Latin-1)."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._decoder = json_decoder()
        self._window = ""
        self._base = 0  # where the window begins in the file
        self._at = 0  # where we are in the window

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            while self._at < len(self._window) and self._window[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._more():
                return ""

    def expect(self, char: str) -> None:
        """Steps over a character that must come now."""
        if self.peek() != char:
            self.fail(f"{char!r} must stand at byte {self._base + self._at}")
        self._at += 1

    def value(self) -> JsonElement:
        """Reads the value that comes now."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._at)
            except json.JSONDecodeError as error:
                if not self._more():
                    self.fail(f"{error.msg} in what begins at byte {self._base + self._at}")
                continue
            except RecursionError:
                self.fail(f"what begins at byte {self._base + self._at} nests too deep")
            # A number that ends with the window, or just before its ".", may go on after it.
            if self._window[end : end + 1] in _AFTER or not self._more():
                start, self._at = self._at, end
                read = self._window[start:end]
                if not read.isascii():  # read as Latin-1, and it is UTF-8
                    value = json_of(read.encode("latin-1"))
                return JsonElement("", self._base + start, self._base + end, value)

    def fail(self, reason: str) -> NoReturn:
        raise ValueError(reason)

    def _more(self) -> bool:
        """Drops what was read and reads on; False at the end of the file."""
        rest = self._window[self._at :]
        if len(rest) > _LARGEST:
            self.fail(f"what begins at byte {self._base + self._at} does not end")
        data = self._file.read(max(_CHUNK, len(rest)))
        self._base += self._at
        self._at = 0
        self._window = rest + data.decode("latin-1")
        return bool(data)
