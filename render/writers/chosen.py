"""The writers of a run: those that the section ``output`` of its config names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from render.config.run_config import unknown_key as explain_key
from render.config.settings import Setting, read, settings_of
from render.dataset.frame_view import FrameView, LabelNames
from render.dataset.layout import NUMBERED, Layout, PathTemplate, shard_name
from render.errors import ConfigError, DatasetError, RenderError, failure_of
from render.sample import Split
from render.system.registry import PLUGIN_HINT
from render.writers.base import WRITERS, AbstractWriter, Row
from render.writers.rasters import MasksWriter
from render.writers.webdataset import check_tars

if TYPE_CHECKING:
    from render.dataset.frame import Frame
    from render.dataset.reader import Dataset

__all__ = ["Writers", "output_settings", "shard_paths", "unknown_key"]

_SECTION = "output"
_FORMATS = "formats"
_MOST_LOOSE_FRAMES = 1_000_000
_Kind = type[AbstractWriter[Any]]


@final
@dataclass(frozen=True, eq=False)
class Writers:
    """The writers of a run.

    Attributes:
        by_name: The writers, by their names.
        image: Suffix of the pictures, without dot.
        depth_unit_m: Metres that one step of a depth file stands for, written or not.
        loose: Whether the files of frames stay; else they lie in the tars of shards alone.

    """

    by_name: Mapping[str, AbstractWriter[Any]]
    image: str
    depth_unit_m: float
    loose: bool = True

    @classmethod
    def of(cls, output: Mapping[str, Any], *, format_version: int | None = None) -> Writers:
        """Those that a section ``output`` names, with their keys checked.

        Args:
            output: Resolved.
            format_version: The version of the dataset whose section it is; None: the present one.

        Raises:
            ConfigError: There is no such format, a key breaks its rule, or a writer's files may
                lie where they must not.

        """
        kinds: dict[str, _Kind] = dict(WRITERS)
        if format_version == 1:
            kinds["ids"] = MasksWriter
            output = {"ids" if key == "masks" else key: value for key, value in output.items()}
        owners = _owners(kinds)
        for key in output:
            if key not in owners:
                raise ConfigError(unknown_key(f"{_SECTION}.{key}"))
        formats = f"{_SECTION}.{_FORMATS}"
        if _FORMATS not in output:
            raise ConfigError(f"{formats} must be set, and is missing")
        listed = output_settings()[formats].checked(formats, output[_FORMATS])
        chosen: dict[str, AbstractWriter[Any]] = {}
        for name, kind in kinds.items():
            own = {f.name: output[f.name] for f in fields(kind.Settings) if f.name in output}
            if name in listed or kind.switch is not None or own:
                settings = read(kind.Settings, own, _SECTION)
                with _usable(name, kind):
                    chosen[name] = kind(settings)
        switched = {
            name: writer
            for name, writer in chosen.items()
            if writer.switch is not None and getattr(writer.settings, writer.switch)
        }
        by_name = {**switched, **{name: chosen[name] for name in listed}}
        _check_paths(by_name)
        loose = "webdataset" not in chosen or chosen["webdataset"].settings.loose
        if not loose:
            check_tars(by_name)
        return cls(
            by_name,
            image=chosen["image"].settings.image,
            depth_unit_m=chosen["depth"].settings.depth_unit_m,
            loose=loose,
        )

    def check_length(self, n_frames: int) -> None:
        """Looks at how many frames a dataset is to have, before its first one.

        Raises:
            ConfigError: They are too many for folders of loose files.

        """
        if self.loose and n_frames > _MOST_LOOSE_FRAMES:
            raise ConfigError(
                f"n_frames must be at most {_MOST_LOOSE_FRAMES} where each frame has files of its "
                f"own, because no folder of millions of files is fit for use, got {n_frames}: "
                "'output.formats=[webdataset]' output.loose=false writes tars alone"
            )

    @property
    def formats(self) -> tuple[str, ...]:
        """Names in ``output.formats``, each once."""
        return tuple(name for name, writer in self.by_name.items() if writer.switch is None)

    @property
    def maps(self) -> tuple[str, ...]:
        """Per-pixel labels that they need."""
        needed = (name for writer in self.by_name.values() for name in writer.maps)
        return tuple(dict.fromkeys(needed))

    @cached_property
    def layout(self) -> Layout:
        """Where their files lie, and those of all writers."""
        known = {text for kind in WRITERS.values() for text in kind.paths()}
        left = {text for kind in WRITERS.values() for text in kind.leftovers()}
        return Layout(
            templates=[t for writer in self.by_name.values() for t in writer.templates],
            known=[PathTemplate(text) for text in sorted(known)],
            leftovers=[PathTemplate(text) for text in sorted(left)],
        )

    def accept(self, names: LabelNames) -> None:
        """Lets each look at the dataset before its first frame.

        Raises:
            ConfigError: One cannot write it.

        """
        for name, writer in self.by_name.items():
            with _usable(name, type(writer)):
                writer.accept(names)

    def train_command(self, folder: Path) -> str | None:
        """The first command that a format has for training on the dataset in a folder.

        None where there is none, or the pictures that it needs lie in tars.
        """
        if not self.loose:
            return None
        commands = (writer.train_command(folder) for writer in self.by_name.values())
        return next((command for command in commands if command is not None), None)

    def left_out(self, row: Row) -> dict[str, int]:
        """What they cannot hold of a labelled instance, counted; each phrase with its writer."""
        return {
            f"{name}: {phrase}": count
            for name, writer in self.by_name.items()
            for phrase, count in writer.left_out(row).items()
        }

    def frame_files(self, view: FrameView) -> dict[str, bytes]:
        """The files of a frame, by path relative to the dataset.

        Raises:
            DatasetError: A writer failed, or did not give the files that it promises.
            ConfigError: A key does not allow for what the frame shows.

        """
        files: dict[str, bytes] = {}
        for name, writer in self.by_name.items():
            where = f"frame {view.frame_idx}"
            with _named(name, writer, where):
                wanted = writer.expected(view)
                given = _mapping(writer.frame_files(view))
                made = {path: _bytes(path, data) for path, data in given.items()}
            _check_given(name, writer, where, made, wanted, writer.frame_paths(view))
            files |= made
        return files

    def shard_files(
        self, views: Sequence[Frame], shard_idx: int
    ) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Paths and parts of the files of a shard; raises as `frame_files`.

        Args:
            views: The frames of the shard, read back, in order.
            shard_idx: Its number.

        """
        splits = {view.split for view in views}
        for name, writer in self.by_name.items():
            wanted = shard_paths(writer, shard_idx, splits)
            yield from _parts(
                name, writer, f"shard {shard_idx}", wanted,
                partial(writer.shard_files, views, shard_idx),
            )  # fmt: skip

    def whole_paths(self, n_frames: int) -> list[str]:
        """Files of the whole dataset, if it has so many frames."""
        writers = self.by_name.values()
        return [path for writer in writers for path in writer.whole_paths(n_frames)]

    def finish_files(self, dataset: Dataset) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Paths and parts of the files of the whole dataset; raises as `frame_files`."""
        for name, writer in self.by_name.items():
            wanted = writer.whole_paths(dataset.n_frames)
            yield from _parts(
                name, writer, "the whole dataset", wanted, partial(writer.finish_files, dataset)
            )


def shard_paths(
    writer: AbstractWriter[Any], shard_idx: int, splits: Collection[Split]
) -> tuple[str, ...]:
    """Files of a shard that a writer has.

    Args:
        splits: Those of its frames.

    """
    of_shards = (t for t in writer.templates if "shard" in t.fields)
    paths = (
        t.paths(shard=shard_name(shard_idx), split=split) for t in of_shards for split in splits
    )
    return tuple(dict.fromkeys(chain.from_iterable(paths)))


def _parts(
    name: str,
    writer: AbstractWriter[Any],
    where: str,
    wanted: Sequence[str],
    make: Callable[[], Mapping[str, Iterable[bytes]]],
) -> Iterator[tuple[str, Iterator[bytes]]]:
    with _named(name, writer, where):
        made = dict(_mapping(make()))
    patterns = [template.pattern for template in writer.templates]
    declared = [path for path in wanted if any(one.fullmatch(path) for one in patterns)]
    _check_given(name, writer, where, made, wanted, declared)

    def checked(path: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        with _named(name, writer, where):
            yield from (_bytes(path, part) for part in parts)

    yield from ((path, checked(path, parts)) for path, parts in made.items())


def _mapping(files: Any) -> Mapping[str, Any]:
    if not isinstance(files, Mapping):
        raise TypeError(f"files must be a mapping of paths, got {files!r:.80}")
    return files


def _bytes(path: str, data: object) -> bytes:
    if not isinstance(data, bytes):
        raise TypeError(f"{path} must be bytes, got {type(data).__name__}")
    return data


@contextlib.contextmanager
def _named(name: str, writer: AbstractWriter[Any], where: str) -> Iterator[None]:
    """Says which writer it was that failed."""
    try:
        yield
    except ConfigError:
        raise  # names the key itself
    except Exception as error:
        raise DatasetError(
            f"{_key(name, type(writer))} must be able to write {where}, and failed: "
            f"{failure_of(error)}"
        ) from error


@contextlib.contextmanager
def _usable(name: str, kind: _Kind) -> Iterator[None]:
    """Says which writer it is that cannot be used."""
    try:
        yield
    except RenderError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{_key(name, kind)} must be usable, and failed: {failure_of(error)}"
        ) from error


def _check_given(
    name: str,
    writer: AbstractWriter[Any],
    where: str,
    made: Mapping[str, Any],
    wanted: Sequence[str],
    declared: Sequence[str],
) -> None:
    """A writer gave the files that verify expects, and none that is not its own."""
    foreign = sorted({*made, *wanted} - {*declared})
    missing = sorted({*wanted} - {*made})
    unasked = sorted({*made} - {*wanted})
    rule = f"{_key(name, type(writer))} must give {where} the files that its paths() declare"
    if foreign:
        raise DatasetError(f"{rule} ({', '.join(declared) or 'none'}), got {', '.join(foreign)}")
    if missing or unasked:
        given = ", ".join(made) or "none"
        raise DatasetError(f"{rule} and expected() names ({', '.join(wanted)}), got {given}")


def _key(name: str, kind: _Kind) -> str:
    """How the config names a writer, and where its code is."""
    key = f"{_SECTION}.{_FORMATS}" if kind.switch is None else f"{_SECTION}.{kind.switch}"
    return f"{key}: {name} ({kind.__module__}.{kind.__qualname__})"


def _owners(kinds: Mapping[str, _Kind]) -> dict[str, str]:
    """Which writer has each key of ``output``.

    Raises:
        ConfigError: Two have one, or a writer cannot say what its keys and files are.

    """
    owners = {_FORMATS: "the list of formats"}
    for name, kind in kinds.items():
        with _usable(name, kind):
            keys = [f.name for f in fields(kind.Settings)]
            for text in (*kind.paths(), *kind.leftovers()):
                _check_template(name, kind, text)
        for key in keys:
            if (other := owners.setdefault(key, name)) != name:
                raise ConfigError(
                    f"{_SECTION}.{key} must be the key of one writer, and is that of {name} and of "
                    f"{other}"
                )
    return owners


def output_settings() -> dict[str, Setting]:
    """Every key of ``output`` by its full name, with those of all writers that are known."""
    formats = Setting(
        kind="names",
        options=tuple(name for name, kind in WRITERS.items() if kind.switch is None),
        doc="Formats of the annotations.",
        example="[coco]",
        hint=PLUGIN_HINT,
    )
    own = (pair for kind in WRITERS.values() for pair in settings_of(kind.Settings, _SECTION))
    return {f"{_SECTION}.{_FORMATS}": formats, **dict(own)}


def unknown_key(key: str) -> str:
    """What to say of a key that the config does not have: what may have been meant."""
    return explain_key(key, output_settings())


def _check_template(name: str, kind: _Kind, text: str) -> None:
    try:
        PathTemplate(text)
    except ValueError as error:
        rule = f"{_key(name, kind)} must have paths() that {error}"
        raise ConfigError(f"{rule}, got {text!r}") from None


def _check_paths(writers: Mapping[str, AbstractWriter[Any]]) -> None:
    """No file lies where another writer's or the dataset's own may lie."""
    taken: list[tuple[str, PathTemplate]] = []
    for name, writer in writers.items():
        key = _key(name, type(writer))
        with _usable(name, type(writer)):
            templates = writer.templates
        for template in templates:
            if odd := template.fields - {"split", *NUMBERED}:
                raise ConfigError(
                    f"{key} must have paths() of split, stem, shard, part and its own keys, got "
                    f"{', '.join(sorted(odd))} in {template.text!r}"
                )
            others = [other for other, theirs in taken if template.clashes_with(theirs)]
            if Layout.owns(template):
                others.append("every dataset")
            if others:
                raise ConfigError(
                    f"{key} must have files of its own, and {template.text} is one of {others[0]}"
                )
        taken += [(name, template) for template in templates]
