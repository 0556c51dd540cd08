"""Parquet files read in bounded memory, whoever wrote them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from render.errors import DatasetError
from render.system.plain_data import open_regular
from render.system.stores import Folder

__all__ = ["count_rows", "read_batches", "read_rows"]

# A shard has a few frames, and at most some ten thousand instances of about a hundred values.
_MOST_BYTES = 1 << 26
_MOST_VALUES = 1 << 23
_MOST_FOOTER_BYTES = 1 << 20  # it takes many times as much when it is read
_MOST_ROWS = 256
# Thrift's compact protocol: kinds of values, and fields of the header of a page.
_FLAGS, _WHOLE, _BINARY, _STRUCT = (1, 2), (4, 5, 6), 8, 12
_UNPACKED, _PACKED = 2, 3
_DEEPEST = 8
_MOST_PAGES = 1 << 16


@contextmanager
def _opened(path: Folder) -> Iterator[pq.ParquetFile]:
    """A file of which only the schema and the counts have been read; DatasetError if it is torn."""
    try:
        with open_regular(path) as source:
            size = source.seek(0, 2)
            if size > _MOST_BYTES:
                raise DatasetError(f"{path} must have at most {_MOST_BYTES} bytes, got {size}")
            source.seek(max(size - 8, 0))
            # The length of the footer, then "PAR1".
            footer = int.from_bytes(source.read(4), "little")
            if footer > _MOST_FOOTER_BYTES:
                raise DatasetError(f"{path} is torn: its footer has {footer} bytes")
            source.seek(0)
            with pq.ParquetFile(source, pre_buffer=False) as file:
                _check_bounds(path, file.metadata)
                _check_pages(path, source, file.metadata)
                yield file
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise DatasetError(f"{path} is torn: {reason}") from error


def count_rows(path: Folder) -> int:
    """How many rows a file says it has.

    Raises:
        DatasetError: As for `read_batches`.

    """
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read_batches(path: Folder, *, accept: Callable[[pa.Schema], None]) -> Iterator[pa.RecordBatch]:
    """All rows in order, a few hundred at most in memory at a time.

    Args:
        path: The file.
        accept: Looks at the schema before anything is read; raises DatasetError if it is not what
            it must be.

    Raises:
        DatasetError: The file is missing, torn, no regular file, or takes more memory than a shard
            of records does.

    """
    with _opened(path) as file:
        accept(file.schema_arrow)
        groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
        largest = max((group.total_byte_size for group in groups), default=0)
        # A value that is written once can stand in every row.
        at_once = max(1, min(_MOST_ROWS, _MOST_BYTES // max(largest, 1)))
        total = 0
        # A shard is too small for threads to be worth their start.
        for batch in file.iter_batches(batch_size=at_once, use_threads=False):
            total += batch.nbytes
            if total > 2 * _MOST_BYTES:
                raise DatasetError(f"{path} must have at most {2 * _MOST_BYTES} bytes of values")
            yield batch


def read_rows(path: Folder, *, accept: Callable[[pa.Schema], None]) -> Iterator[dict[str, Any]]:
    """As `read_batches`, row by row."""
    for batch in read_batches(path, accept=accept):
        try:
            rows = batch.to_pylist()
        except ValueError as error:  # a text that is not UTF-8
            raise DatasetError(f"{path} is torn: {error}") from error
        yield from rows


def _check_pages(path: Folder, file: io.BufferedIOBase, metadata: pq.FileMetaData) -> None:
    """Pages say themselves what they unpack to, and Arrow believes them, not the footer."""
    n_bytes = n_pages = 0
    room = file.seek(0, 2)
    for i in range(metadata.num_row_groups):
        for j in range(metadata.num_columns):
            column = metadata.row_group(i).column(j)
            n_bytes += column.total_compressed_size
            if n_bytes > room:
                raise DatasetError(f"{path} is torn: its columns have more bytes than it has")
            offsets = column.data_page_offset, column.dictionary_page_offset or 0
            # Of no rows there is no page but that of the dictionary; 0 is no place of one.
            file.seek(min((offset for offset in offsets if offset > 0), default=room))
            data = file.read(max(column.total_compressed_size, 0))
            at = size = 0
            while at < len(data):
                n_pages += 1
                if n_pages > _MOST_PAGES:
                    raise DatasetError(f"{path} must have at most {_MOST_PAGES} pages")
                unpacked, packed, at = _page(data, at)
                size += unpacked
                at += packed
            if size > column.total_uncompressed_size:
                raise DatasetError(
                    f"{path} is torn: pages of {column.path_in_schema} unpack to {size} bytes, "
                    f"not {column.total_uncompressed_size}"
                )


def _page(data: bytes, at: int) -> tuple[int, int, int]:
    """Reads the header of a page, which is in Thrift's compact protocol.

    Returns:
        Its bytes unpacked, those that follow, and where these begin.

    Raises:
        ValueError: It is torn.

    """
    found = {_UNPACKED: -1, _PACKED: -1}
    outer: list[int] = []  # fields of the structs that this one is in
    field = 0
    try:
        while True:
            head = data[at]
            at += 1
            if head == 0:
                if not outer:
                    break
                field = outer.pop()
                continue
            kind = head & 15
            if head >> 4:
                field += head >> 4
            else:
                number, at = _varint(data, at)
                field = number >> 1 ^ -(number & 1)
            if kind in _WHOLE:
                number, at = _varint(data, at)
                if not outer and field in found:
                    found[field] = number >> 1 ^ -(number & 1)
            elif kind == _STRUCT:
                outer.append(field)
                field = 0
                if len(outer) > _DEEPEST:
                    raise ValueError("a header of a page nests too deep")
            elif kind == _BINARY:
                number, at = _varint(data, at)
                at += number
            elif kind not in _FLAGS:
                raise ValueError("a header of a page holds what no page has")
    except IndexError:
        raise ValueError("a header of a page is cut off") from None
    if min(found.values()) < 0:
        raise ValueError("a page tells no size")
    return found[_UNPACKED], found[_PACKED], at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and where it ends."""
    byte = data[at]
    value = byte & 127
    shift = 7
    while byte >= 128:
        if shift >= 70:
            raise ValueError("a header of a page has a number without end")
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        shift += 7
    return value, at + 1


def _check_bounds(path: Folder, metadata: pq.FileMetaData) -> None:
    n_bytes = n_values = 0
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for j in range(group.num_columns):
            column = group.column(j)
            n_bytes += column.total_uncompressed_size
            n_values += column.num_values
    if n_bytes > _MOST_BYTES or n_values > _MOST_VALUES:
        raise DatasetError(
            f"{path} must have at most {_MOST_VALUES} values in {_MOST_BYTES} bytes, got "
            f"{n_values} in {n_bytes}"
        )
