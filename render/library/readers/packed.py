"""Zip archives and XML inside model files, opened within bounds.

What an archive unpacks to costs memory, and once more when its XML is parsed: about 30 bytes for
each byte of XML. So all that an archive of N bytes declares is at most `FREE_BYTES` or
`MOST_RATIO` times N, whichever is more, and no part yields more than it declares. XML brings no
DOCTYPE, because entities that are made of entities grow without end, and nothing is fetched.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from lxml import etree

__all__ = ["FREE_BYTES", "MOST_RATIO", "check_xml", "opened_archive", "part_of", "xml_root"]

FREE_BYTES = 16 * 2**20
MOST_RATIO = 50
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK_BYTES = 4096


def opened_archive(data: bytes) -> zipfile.ZipFile:
    """A zip archive whose parts can be read.

    Raises:
        ValueError: Its parts are larger together than the bounds allow, two have one name, or one
            is packed in a way that yields more than it declares.
        zipfile.BadZipFile: It is none.

    """
    archive = zipfile.ZipFile(io.BytesIO(data))
    parts = archive.infolist()
    size, most = sum(part.file_size for part in parts), max(FREE_BYTES, MOST_RATIO * len(data))
    if size > most:
        raise ValueError(
            f"must unpack to at most {most} bytes, {MOST_RATIO} times its own, got {size}"
        )
    if odd := [part.filename for part in parts if part.compress_type not in _METHODS]:
        raise ValueError(f"must hold parts that are stored or deflated, got {odd[0]!r:.80}")
    if len({part.filename for part in parts}) < len(parts):
        raise ValueError("must hold one part of each name")
    return archive


def part_of(archive: zipfile.ZipFile, name: str) -> bytes:
    """A part of an archive, unpacked no further than to the size that it declares.

    Raises:
        KeyError: There is none of that name.
        zipfile.BadZipFile: It is torn, or holds something else than it declares.

    """
    with archive.open(name) as file:
        # Without a number, all that there is would be unpacked before it is cut off.
        return file.read(archive.getinfo(name).file_size)


def xml_root(data: bytes) -> Any:
    """The root element of XML; at most 256 levels deep, texts of at most 10 MB.

    Raises:
        ValueError: It has a DOCTYPE.
        SyntaxError: It is not XML.

    """
    check_xml(data)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, collect_ids=False)
    return etree.fromstring(data, parser)


def check_xml(data: bytes) -> None:
    """Checks the beginning of XML, up to its first element, for those who parse it themselves.

    Raises:
        ValueError: It has a DOCTYPE.
        SyntaxError: It is not XML.

    """
    parser = etree.XMLPullParser(events=("start",), resolve_entities=False, no_network=True)
    for at in range(0, len(data), _CHUNK_BYTES):
        parser.feed(data[at : at + _CHUNK_BYTES])
        for _, element in parser.read_events():
            if element.getroottree().docinfo.doctype:
                raise ValueError("must be XML without a DOCTYPE: take it out")
            return
    parser.close()
