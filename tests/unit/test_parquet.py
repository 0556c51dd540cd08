"""Parquet files of strangers: what pages say of themselves is held against the footer."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from render.dataset.parquet import read_rows
from render.dataset.records import read_instances
from render.errors import DatasetError
from tests.bounded import outcomes
from tests.small_dataset import some_samples, write_dataset


def read_all(path: Path) -> None:
    for _ in read_rows(path, accept=lambda schema: None):
        pass


def varint(number: int) -> bytes:
    """A number as Thrift's compact protocol writes it: zigzag, seven bits a byte."""
    number <<= 1
    groups = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


@pytest.mark.parametrize("codec", ["zstd", "gzip", "snappy"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_page_that_unpacks_to_more_than_its_column_is_refused_before_memory_is_asked_for(
    codec: str, version: str, tmp_path: Path
) -> None:
    text = b"x" * 40_000_000
    table = pa.table({"a": pa.array([text], pa.binary())})
    path = tmp_path / "a.parquet"
    pq.write_table(
        table, path, compression=codec, use_dictionary=False, write_statistics=False,
        data_page_version=version,
    )  # fmt: skip
    size = pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size
    read_all(path)
    data = path.read_bytes()
    small = varint(size - 2**21 * 18)
    assert len(small) == len(varint(size))
    at = data.rindex(b"PAR1") - 4 - int.from_bytes(data[-8:-4], "little")
    path.write_bytes(data[:at] + data[at:].replace(varint(size), small))
    before = pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size
    found = outcomes(f"{__name__}:read_all", [path])["a.parquet"]

    assert before < 3_000_000
    assert "is torn: pages of a unpack to" in found.error
    assert found.peak_mb < 16


def test_pages_of_every_kind_of_file_are_counted_as_arrow_wrote_them(tmp_path: Path) -> None:
    write_dataset(tmp_path, some_samples(5))
    assert [*read_instances(tmp_path)]

    table = pa.table({"a": [*range(5000)] * 4, "b": [f"{i % 7}" for i in range(20_000)]})
    for codec in ("zstd", "gzip", "snappy", "none"):
        for version in ("1.0", "2.0"):
            for dictionary in (True, False):
                pq.write_table(
                    table, tmp_path / "t.parquet", compression=codec, data_page_size=1000,
                    data_page_version=version, use_dictionary=dictionary, row_group_size=7000,
                    write_page_index=True, write_page_checksum=True,
                )  # fmt: skip
                read_all(tmp_path / "t.parquet")


def test_bytes_of_a_file_that_are_drawn_at_random_end_in_one_error(tmp_path: Path) -> None:
    table = pa.table({"a": [*range(500)]})
    pq.write_table(table, tmp_path / "t.parquet", data_page_size=100)
    data = (tmp_path / "t.parquet").read_bytes()
    for at in range(4, len(data) - 8, 3):
        broken = bytearray(data)
        broken[at : at + 2] = os.urandom(2)
        (tmp_path / "b.parquet").write_bytes(broken)
        try:
            read_all(tmp_path / "b.parquet")
        except DatasetError as error:
            assert str(error).startswith(str(tmp_path / "b.parquet"))
