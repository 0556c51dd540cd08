"""The rules of the house that a linter does not know, read off the syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "render").rglob("*.py"))
SCRIPTS = sorted(p for name in ("scripts", "benchmarks") for p in (ROOT / name).rglob("*.py"))
MAX_LINES = 400
COMMAND_LINES = 60

GL_PACKAGES = {"OpenGL", "glcontext", "moderngl", "pyglet", "pyrender"}
# Who may hold a random generator: those who draw, and those who are handed a seed from θ.
DRAWERS = ("sampling", "placement", "sensor", "assembly")
# What of np.random needs a seed or a generator to be of use.
SEEDED = {"BitGenerator", "Generator", "PCG64", "Philox", "SFC64", "SeedSequence", "default_rng"}

FORMATS = re.compile(
    r"(?<!py)coco|yolo|annotations/|labels/\{|instances_(train|val)|data\.yaml", re.I
)
LIGHT_KINDS = ("area", "directional", "point", "spot")
# Run lengths are called after the format that they come from; the page of --help is for users.
MAY_NAME_FORMATS = (
    "render/geometry/rle.py", "render/geometry/rle_definition.py", "render/config/help.py",
)  # fmt: skip

# Parts of what the rules are tried on.
CALL = "if __name__ == '__main__':\n    main()\n"
USE = "    from render.engine.base import Probe\n"
NEWLINES = "\n" * COMMAND_LINES

Check = Callable[[str, ast.Module, str], Iterator[str]]


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Top-level names of all packages that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno


def only_engine_imports_gl(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """GL stays in render/engine/."""
    if not path.startswith("render/engine/"):
        for name, line in imported(tree):
            if name in GL_PACKAGES:
                yield f"{path}:{line} imports {name}"


def only_library_imports_trimesh(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """Files are read in one place, with one set of options."""
    if path.startswith("render/") and not path.startswith("render/library/"):
        for name, line in imported(tree):
            if name == "trimesh":
                yield f"{path}:{line} imports trimesh"


def randomness_is_seeded(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """Frame i depends on (config, seed, i) alone: no generator without a seed, no global one."""
    for name, line in imported(tree):
        if name in {"random", "secrets", "uuid"}:
            yield f"{path}:{line} imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {
            "np.random", "numpy.random",
        }:  # fmt: skip
            if node.attr not in SEEDED:
                yield f"{path}:{node.lineno} uses the global np.random.{node.attr}"
            elif not path.startswith(tuple(f"render/{name}/" for name in DRAWERS)):
                yield f"{path}:{node.lineno} holds np.random.{node.attr}, but does not draw"
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] in SEEDED or called.endswith("Rotation.random"):
                yield f"{path}:{node.lineno} calls {called}() without a seed"


def has_docstring(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """Every module says what it is for; an empty ``__init__.py`` has nothing to say."""
    if tree.body and ast.get_docstring(tree) is None:
        yield f"{path} has no docstring"


def is_short(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """A file fits into a head."""
    lines = source.count("\n")
    if lines > MAX_LINES:
        yield f"{path} has {lines} lines, more than {MAX_LINES}"


def command_is_thin(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """What runs as ``python -m`` parses, calls and prints: its one function is `main`."""
    if path.count("/") != 1 or not source.rstrip().endswith("\n    main()"):
        return
    own = [n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    if own != ["main"] or source.count("\n") > COMMAND_LINES:
        yield f"{path} has {', '.join(own)} in {source.count(chr(10))} lines"
    for node in ast.walk(tree):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if module.startswith("render.engine"):
            yield f"{path} imports {module}"


def imported_when_asked(tree: ast.Module) -> list[ast.stmt]:
    """What a module with a ``__getattr__`` of its own imports for type checkers alone."""
    lazy = any(isinstance(n, ast.FunctionDef) and n.name == "__getattr__" for n in tree.body)
    guarded = (n for n in tree.body if isinstance(n, ast.If))
    blocks = [n.body for n in guarded if ast.unparse(n.test) == "TYPE_CHECKING"]
    return [node for block in blocks for node in block] if lazy else []


def exports_exist(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """``__all__`` is there in every module with public names, and each name in it exists."""
    bound: set[str] = set()
    public: set[str] = set()
    exported: list[str] | None = None
    for node in [*tree.body, *imported_when_asked(tree)]:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            bound.add(node.name)
            if not node.name.startswith("_"):
                public.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            bound |= names
            if names == {"__all__"} and node.value is not None:
                exported = ast.literal_eval(node.value)
    if exported is None:
        if public:
            yield f"{path} has no __all__, but defines {', '.join(sorted(public))}"
        return
    if missing := sorted(set(exported) - bound):
        yield f"{path} exports {', '.join(missing)}, which it does not define"


def names_no_format(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """Formats are known to their writers alone."""
    if path.startswith("render/writers/") or path in MAY_NAME_FORMATS:
        return
    for number, line in enumerate(source.splitlines(), start=1):
        if found := FORMATS.search(line):
            yield f"{path}:{number} names {found[0]}"


def compares_no_light_kind(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """Kinds of lamp are known to their own modules alone: others ask a light for its numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and part.value in LIGHT_KINDS:
                    yield f"{path}:{node.lineno} compares with {part.value}"


def keeps_no_global_state(path: str, tree: ast.Module, source: str) -> Iterator[str]:
    """No ``global`` statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"{path}:{node.lineno} global {', '.join(node.names)}"


RULES: tuple[Check, ...] = (
    only_engine_imports_gl,
    only_library_imports_trimesh,
    randomness_is_seeded,
    has_docstring,
    is_short,
    command_is_thin,
    exports_exist,
    names_no_format,
    compares_no_light_kind,
    keeps_no_global_state,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_keeps_the_rule(rule: Check) -> None:
    assert MODULES
    found = []
    for module in MODULES:
        source = module.read_text(encoding="utf-8")
        path = module.relative_to(ROOT).as_posix()
        found += rule(path, ast.parse(source), source)

    assert [] == found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_script_says_what_it_is_for_and_is_short(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    tree = ast.parse(source)

    assert [] == [*has_docstring(script.name, tree, source), *is_short(script.name, tree, source)]


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (only_engine_imports_gl, "render/doctor.py", "def f():\n    import OpenGL.GL"),
        (only_engine_imports_gl, "render/labels/a.py", "from pyrender import Scene"),
        (only_library_imports_trimesh, "render/show.py", "import trimesh.creation as c"),
        (randomness_is_seeded, "render/sampling/a.py", "np.random.seed(3)"),
        (randomness_is_seeded, "render/sampling/a.py", "rng = np.random.default_rng()"),
        (randomness_is_seeded, "render/assembly/a.py", "rng = Generator(SFC64())"),
        (randomness_is_seeded, "render/labels/a.py", "rng = np.random.default_rng(3)"),
        (randomness_is_seeded, "render/placement/a.py", "R = Rotation.random()"),
        (randomness_is_seeded, "render/sampling/a.py", "from random import choice"),
        (has_docstring, "render/a.py", "x = 1"),
        (is_short, "render/a.py", "x = 1\n" * (MAX_LINES + 1)),
        (command_is_thin, "render/a.py", f"def main(): ...\ndef f(): ...\n{CALL}"),
        (command_is_thin, "render/a.py", f"def main(): ...\n{NEWLINES}{CALL}"),
        (command_is_thin, "render/a.py", f"def main():\n{USE}{CALL}"),
        (exports_exist, "render/a.py", "def f(): ..."),
        (exports_exist, "render/a.py", "__all__ = ['g']\ndef f(): ..."),
        (exports_exist, "render/a.py", "__all__ = ['g']\nif TYPE_CHECKING:\n    from a import g"),
        (names_no_format, "render/job/a.py", "if 'coco' in formats: pass"),
        (names_no_format, "render/a.py", "path = f'labels/{split}'"),
        (compares_no_light_kind, "render/engine/a.py", "is_far = kind == 'directional'"),
        (keeps_no_global_state, "render/a.py", "def f():\n    global x\n    x = 1"),
    ],
)
def test_rule_finds_what_it_forbids(rule: Check, path: str, source: str) -> None:
    assert len(list(rule(path, ast.parse(source), source))) == 1


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (only_engine_imports_gl, "render/engine/pyrender/a.py", "import OpenGL.GL, pyrender"),
        (only_library_imports_trimesh, "render/library/a.py", "import trimesh"),
        (randomness_is_seeded, "render/sampling/a.py", "rng = np.random.default_rng(3)"),
        (names_no_format, "render/writers/a.py", "name = 'coco'"),
        (compares_no_light_kind, "render/engine/a.py", "emitter = {'type': 'point'}"),
        (has_docstring, "render/__init__.py", ""),
        (command_is_thin, "render/a.py", f"import json\ndef main(): ...\n{CALL}"),
        (command_is_thin, "render/a.py", "def f(): ..."),
        (exports_exist, "render/a.py", "__all__ = ['F']\nF: int = 3\ndef _g(): ..."),
    ],
)
def test_rule_lets_pass_what_is_right(rule: Check, path: str, source: str) -> None:
    assert [] == list(rule(path, ast.parse(source), source))
