"""Names of plug-ins: what is registered is found, and what cannot be used is refused."""

from __future__ import annotations

import abc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from render.errors import ConfigError
from render.system.registry import Registry


class AbstractTool(abc.ABC):
    @abc.abstractmethod
    def work(self) -> int: ...


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[AbstractTool]]:
    """A registry whose home, a package of two files, registers a saw and nothing else."""
    home = tmp_path / "workshop"
    home.mkdir()
    (home / "__init__.py").write_text("tools = None\n")
    (home / "saw.py").write_text(
        "from workshop import tools, Base\n"
        "@tools.register('saw')\n"
        "class Saw(Base):\n"
        "    def work(self): return 3\n"
    )
    (home / "bench.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import workshop  # type: ignore[import-not-found]

    tools: Registry[AbstractTool] = Registry(AbstractTool, key="tools.name", home="workshop")  # type: ignore[type-abstract]
    workshop.tools, workshop.Base = tools, AbstractTool
    yield tools
    for name in [name for name in sys.modules if name.split(".")[0] == "workshop"]:
        del sys.modules[name]


def test_finds_what_its_home_registers(registry: Registry[AbstractTool]) -> None:
    assert registry["saw"]().work() == 3
    assert list(registry) == ["saw"]


def test_a_plug_in_stands_beside_the_home(registry: Registry[AbstractTool]) -> None:
    @registry.register("axe")
    class Axe(AbstractTool):
        def work(self) -> int:
            return 5

    assert list(registry) == ["axe", "saw"]
    assert registry["axe"] is Axe


def test_lists_what_there_is_when_a_name_is_unknown(registry: Registry[AbstractTool]) -> None:
    with pytest.raises(ConfigError, match=r"tools.name must be one of saw, got 'drill'"):
        registry["drill"]


def test_refuses_what_lacks_a_method(registry: Registry[AbstractTool]) -> None:
    with pytest.raises(ConfigError, match=r"Half must have all that its kind needs; .* work"):

        @registry.register("half")
        class Half(AbstractTool): ...


def test_refuses_what_is_of_another_kind(registry: Registry[AbstractTool]) -> None:
    with pytest.raises(ConfigError, match=r"Stone must derive from AbstractTool"):

        @registry.register("stone")
        class Stone: ...


def test_refuses_a_name_that_is_taken(registry: Registry[AbstractTool]) -> None:
    assert "saw" in registry
    with pytest.raises(ConfigError, match=r"workshop.saw.Saw is saw already"):

        @registry.register("saw")
        class Other(AbstractTool):
            def work(self) -> int:
                return 0
