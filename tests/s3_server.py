"""An S3-speaking server that keeps its objects on disk, so that it can be killed and started anew.

``python tests/s3_server.py FOLDER PORT``. An object is written beside its place and renamed, as a
store has it whole or not at all. It knows what clients of one bucket ask for: PUT (also
``If-None-Match: *``), GET (also of a range), HEAD, DELETE, and lists. Signatures are not looked at.
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ROOT = Path()
CREATING = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""

    @property
    def path_of(self) -> Path:
        return ROOT / unquote(urlsplit(self.path).path).strip("/")

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status: int, code: str, more: str = "") -> None:
        self.answer(
            status, f"<Error><Code>{code}</Code><Message>{code}</Message>{more}</Error>".encode()
        )

    def body(self) -> bytes:
        data = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return data
        whole = b""
        while True:
            head, _, data = data.partition(b"\r\n")
            size = int(head.split(b";")[0], 16)
            if not size:
                return whole
            whole, data = whole + data[:size], data[size + 2 :]

    def do_PUT(self) -> None:
        """Puts an object, or makes the bucket."""
        path, data = self.path_of, self.body()
        if path.parent == ROOT:
            path.mkdir(exist_ok=True)
            self.answer(200)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = ROOT / f".{threading.get_ident()}"
        beside.write_bytes(data)
        with CREATING:
            if self.headers.get("If-None-Match") == "*" and path.exists():
                self.fail(412, "PreconditionFailed", "<Condition>If-None-Match</Condition>")
                return
            beside.replace(path)
        self.answer(200, ETag=f'"{hashlib.md5(data).hexdigest()}"')

    def do_GET(self) -> None:
        """An object, a range of one, or a list of some."""
        path = self.path_of
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if path.parent == ROOT:
            self.list(path, query)
            return
        if not path.is_file():
            self.fail(404, "NoSuchKey")
            return
        data, status = path.read_bytes(), 200
        if span := self.headers.get("Range"):
            first, _, last = span.removeprefix("bytes=").partition("-")
            if int(first) >= len(data):
                self.fail(416, "InvalidRange")
                return
            whole, status = len(data), 206
            data = data[int(first) : int(last) + 1 if last else None]
            self.answer(
                status, data, Content_Range=f"bytes {first}-{last}/{whole}", **self.told(path)
            )
            return
        self.answer(status, data, **self.told(path))

    def do_HEAD(self) -> None:
        """What there is to know of an object."""
        path = self.path_of
        if path.is_file():
            self.answer(200, length=str(path.stat().st_size), **self.told(path))
        else:
            self.answer(404)

    def do_DELETE(self) -> None:
        """Deletes an object; one that is not there is deleted, too."""
        self.path_of.unlink(missing_ok=True)
        self.answer(204)

    def do_POST(self) -> None:
        """Nothing of the kind is known."""
        self.body()
        self.fail(501, "NotImplemented")

    def told(self, path: Path) -> dict[str, str]:
        return {
            "Last_Modified": email.utils.formatdate(path.stat().st_mtime, usegmt=True),
            "ETag": '"x"',
        }

    def list(self, bucket: Path, query: dict[str, list[str]]) -> None:
        prefix, delimiter = (query.get(key, [""])[0] for key in ("prefix", "delimiter"))
        keys = (p.relative_to(bucket).as_posix() for p in sorted(bucket.rglob("*")) if p.is_file())
        contents, prefixes = "", dict[str, None]()
        for key in (key for key in keys if key.startswith(prefix)):
            head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if cut:
                prefixes[f"{prefix}{head}/"] = None
                continue
            stat = (bucket / key).stat()
            at = datetime.datetime.fromtimestamp(stat.st_mtime, datetime.UTC)
            contents += (
                f"<Contents><Key>{escape(key)}</Key><Size>{stat.st_size}</Size><ETag>x</ETag>"
                f"<LastModified>{at:%Y-%m-%dT%H:%M:%SZ}</LastModified></Contents>"
            )
        common = "".join(
            f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in prefixes
        )
        self.answer(200, f"<ListBucketResult>{contents}{common}</ListBucketResult>".encode())


def main() -> None:
    """Serves until it is killed."""
    global ROOT
    ROOT = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    server.serve_forever()


if __name__ == "__main__":
    main()
