"""Model files that are text: their encoding, their statements, their numbers.

Files have millions of lines, so that nothing here is done line by line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MARKED",
    "Number",
    "begins",
    "is_marked",
    "numbers",
    "parsed",
    "plain_text",
    "row_indices",
    "statements",
    "utf8_of",
    "word_counts",
]

MARKED = (
    "begins with a byte order mark or is UTF-16, which its format does not know: a text editor "
    "saved it, and its binary numbers are lost; export it again"
)
"""What is wrong with a binary model of which `is_marked` is true."""

Number = TypeVar("Number", np.float64, np.int64)
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"),
          (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
# What parts words in text from other editors: form feed, no-break and ideographic space, ...
_SPACES = (
    "\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# The names that these keywords are followed by may begin with #.
_NAMED = re.compile(r"\s*(newmtl|usemtl)\s+", re.IGNORECASE)
# A keyword, then the rest of its line and the lines behind that begin with the same keyword.
_RUN = re.compile(r"[ \t]*(\S++)((?:[ \t].*+)?+(?:\n\1[ \t].*+)*+)")


def is_marked(data: bytes) -> bool:
    """Whether bytes begin with a byte order mark, or are UTF-16 without one.

    Such bytes are text from an editor, whatever they were before.
    """
    is_zero = [code == 0 for code in data[:4]]
    is_utf16 = is_zero in ([False, True, False, True], [True, False, True, False])
    return is_utf16 or any(data.startswith(mark) for mark, _ in _MARKS)


def utf8_of(data: bytes) -> bytes:
    """The same text as UTF-8 without a mark; the bytes themselves where `is_marked` is false."""
    return _decoded(data).encode(errors="replace") if is_marked(data) else data


def plain_text(data: bytes) -> str:
    r"""A file's text without comments, its lines parted by ``\n`` alone.

    The encoding is that of the byte order mark, UTF-16 where every other byte is zero, else
    UTF-8, or where it is not UTF-8 that of Windows, else Latin-1: names of other code pages stay
    apart. ``#`` begins a comment where a word would begin, but not the name of a material.
    """
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    for space in _SPACES:
        text = text.replace(space, " ")
    return re.sub(r"#.*", _comment, text)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if is_marked(data):
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _comment(found: re.Match[str]) -> str:
    """What stays of a line from its first ``#`` on."""
    text, at = found.string, found.start()
    begins_line = text.rfind("\n", 0, at) + 1
    is_word = at == begins_line or text[at - 1].isspace()
    if is_word and not _NAMED.fullmatch(text, begins_line, at):
        return ""
    return re.sub(r"\s#.*", "", found[0])


def statements(data: bytes) -> Iterator[tuple[int, str, str]]:
    r"""The statements of an OBJ or MTL file, those of one keyword in a row together.

    Any white space parts words, and a backslash at the end of a line continues it.

    Yields:
        Line of the first, from 1; keyword as written; what stands behind the keyword, a line
        each, every line ended by ``\n``.

    """
    text = plain_text(data)
    if "\\" in text:
        text = re.sub(r"\\[ \t]*\n", " ", text)
    line = at = 0
    for run in _RUN.finditer(text):
        line += text.count("\n", at, run.start())
        at = run.start()
        yield line + 1, run[1], run[2].replace("\n" + run[1], "\n") + "\n"


def parsed(words: bytes, dtype: type[Number]) -> NDArray[Number]:
    """``(N,)``: words between white space as numbers, up to the first that is none."""
    if not words or words.isspace():
        return np.zeros(0, dtype)
    try:
        return np.fromstring(words, dtype, sep=" ")
    except ValueError:  # announced by NumPy for text that is not read to its end
        return np.zeros(0, dtype)


def numbers(rows: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    r"""All numbers of a table, one row after the other, and how many each row has.

    Args:
        rows: Words between white space, every row ended by ``\n``.

    Returns:
        ``(N,)`` values, NaN for a word that is no number, and ``(R,)`` counts.

    """
    text = rows.encode(errors="replace")
    counts = word_counts(text)
    values = parsed(text, np.float64)
    if len(values) != counts.sum():
        values = np.array([_number(word) for word in text.split()], np.float64)
    return values, counts


def word_counts(rows: bytes) -> NDArray[np.int64]:
    r"""Words of each row, every row ended by ``\n``."""
    codes = np.frombuffer(rows, np.uint8)
    word_at, end_at = np.flatnonzero(begins(codes <= ord(" "))), np.flatnonzero(codes == ord("\n"))
    return np.diff(np.searchsorted(word_at, end_at), prepend=0)


def begins(is_between: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which characters are the first of a word, by which of them lie between words."""
    first = ~is_between
    first[1:] &= is_between[:-1]
    return first


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan


def row_indices(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """``starts[i], starts[i] + 1, ...``, ``counts[i]`` of them, for one i after the other."""
    before = np.cumsum(counts) - counts
    return np.asarray(np.arange(int(counts.sum())) + np.repeat(starts - before, counts))
