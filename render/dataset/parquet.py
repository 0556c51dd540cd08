"""Parquet files read in bounded memory, whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from render.errors import DatasetError
from render.system.plain_data import open_regular

__all__ = ["count_rows", "read_batches", "read_rows"]

# A shard has a few frames, and at most some ten thousand instances of about a hundred values.
_MOST_BYTES = 1 << 26
_MOST_VALUES = 1 << 23
_MOST_FOOTER_BYTES = 1 << 20  # it takes many times as much when it is read
_MOST_ROWS = 256


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
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
                yield file
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise DatasetError(f"{path} is torn: {reason}") from error


def count_rows(path: Path) -> int:
    """How many rows a file says it has.

    Raises:
        DatasetError: As for `read_batches`.

    """
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read_batches(path: Path, *, accept: Callable[[pa.Schema], None]) -> Iterator[pa.RecordBatch]:
    """All rows in order, a few hundred at most in memory at a time.

    Args:
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
        for batch in file.iter_batches(batch_size=at_once):
            total += batch.nbytes
            if total > 2 * _MOST_BYTES:
                raise DatasetError(f"{path} must have at most {2 * _MOST_BYTES} bytes of values")
            yield batch


def read_rows(path: Path, *, accept: Callable[[pa.Schema], None]) -> Iterator[dict[str, Any]]:
    """As `read_batches`, row by row."""
    for batch in read_batches(path, accept=accept):
        try:
            rows = batch.to_pylist()
        except ValueError as error:  # a text that is not UTF-8
            raise DatasetError(f"{path} is torn: {error}") from error
        yield from rows


def _check_bounds(path: Path, metadata: pq.FileMetaData) -> None:
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
