"""What `execution=ray` says before there is a cluster, with and without Ray."""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
from typing import Any

import pytest

from render.errors import ConfigError, EngineError
from render.execute.ray import RayExecutor

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra `ray`)"
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "ray://head:10001"}, "execution.address must be null, auto or HOST:PORT, got"),
        ({"address": "head"}, "execution.address must be null, auto or HOST:PORT, got 'head'"),
        ({"address": 7}, "execution.address must be null, auto or HOST:PORT, got 7"),
        ({"num_cpus": 0}, "execution.num_cpus must lie in 0.01 to 1024, got 0"),
        ({"num_gpus": 2}, "execution.num_gpus must lie in 0 to 1, got 2"),
    ],
)
def test_values_that_break_their_rule(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RayExecutor(**options)

    assert message in str(caught.value)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(EngineError, match=r"execution=ray needs Ray .*'render-theta\[ray\]'"):
        RayExecutor()


@needs_ray
def test_nobody_at_the_address() -> None:
    with pytest.raises(ConfigError, match=r"answers within 10 s, got 127\.0\.0\.1:1: .*refused"):
        RayExecutor(address="127.0.0.1:1")


@needs_ray
def test_somebody_at_the_address_who_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()

        with pytest.raises(ConfigError, match=r"answers within 10 s, got .*: no answer"):
            RayExecutor(address=f"127.0.0.1:{silent.getsockname()[1]}")

    assert 9 < time.monotonic() - began < 15
