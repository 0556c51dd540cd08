"""What happens in a run, told to programs that watch it: one JSON object a line."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import time
from collections.abc import Iterator
from typing import Any, final

from render.system.console import complain

__all__ = ["json_lines", "tell"]

_LOG = logging.getLogger("render.events")


def tell(event: str, **fields: Any) -> None:
    """Tells of an event; nobody hears of it outside of `json_lines`.

    Args:
        event: Its name, such as ``shard``.
        **fields: What there is to know of it, in plain containers.

    """
    _LOG.info("%s %s", event, fields, extra={"fields": {"event": event, **fields}})


@contextlib.contextmanager
def json_lines() -> Iterator[None]:
    """Writes each event to standard error as one line, and nowhere else."""
    handler = _JsonLines()
    before = _LOG.level, _LOG.propagate
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False
    try:
        yield
    finally:
        _LOG.removeHandler(handler)
        _LOG.level, _LOG.propagate = before


@final
class _JsonLines(logging.Handler):
    """Each line has the time of the clock, and the seconds since the first by one nobody sets."""

    def __init__(self) -> None:
        super().__init__()
        self._began_s = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record of `tell`."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        at_s = round(time.monotonic() - self._began_s, 3)
        fields: dict[str, Any] = vars(record)["fields"]
        complain(json.dumps({"time": now, "at_s": at_s, **fields}))
