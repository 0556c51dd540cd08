"""A process that runs cases one after another, under a bound of its memory.

``python -m tests.fuzz.worker SHARED`` reads ``[kind, seed, number, folder]`` a line from its input
and writes an `Outcome` as JSON a line. With three more words it makes one case again and shows
what comes of it, with its traceback:

    python -m tests.fuzz.worker SHARED KIND SEED NUMBER
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import resource
import signal
import sys
import tempfile
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from render.errors import RenderError
from tests.fuzz.config_kind import ConfigFileKind, OverrideKind
from tests.fuzz.dataset_kind import DatasetKind
from tests.fuzz.document_kind import PosesKind, SideFileKind
from tests.fuzz.kind import AbstractKind, rng_of
from tests.fuzz.model_kind import CadKind, ModelKind
from tests.fuzz.picture_kind import PictureKind

__all__ = ["BOUND_MB", "KINDS", "Outcome"]

KINDS: dict[str, AbstractKind] = {
    kind.name: kind
    for kind in (
        ModelKind(), CadKind(), PictureKind(), OverrideKind(), ConfigFileKind(), PosesKind(),
        SideFileKind(), DatasetKind(),
    )
}  # fmt: skip

BOUND_MB = 512
"""What a case may add to the process's memory. Its input is never larger than 4 MB."""
_ADDRESS_SPACE = 3 * 2**30
_LONGEST_MESSAGE = 10_005


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a case.

    Attributes:
        word: ``accepted``, ``found`` or ``refused``, which are well, else what is wrong.
        kind: The message without what differs from case to case.
        detail: The whole message, or the traceback.

    """

    number: int
    word: str
    kind: str
    detail: str
    cpu_s: float
    mb: float

    @property
    def is_well(self) -> bool:
        """Whether a user would have been served."""
        return self.word in ("accepted", "found", "refused")


def run_case(kind: AbstractKind, seed: int, number: int, shared: Path, folder: Path) -> Outcome:
    """Makes the input of a case and tries it."""
    folder.mkdir(parents=True)
    kind.make(rng_of(kind.name, seed, number), shared, folder)
    before, since = _fresh_peak_mb(), _cpu_s()
    said = ""
    try:
        word = kind.use(folder)
    except RenderError as error:
        word, said = _of_refusal(kind, str(error), folder)
    except BaseException as error:  # noqa: BLE001  that is what is looked for
        word = "memory" if isinstance(error, MemoryError) else "traceback"
        said = "".join(traceback.format_exception(error))[-6000:]
    mb = _peak_mb() - before
    if mb > BOUND_MB:
        word, said = "memory", f"{mb:.0f} MB more than before: {word}: {said}"
    return Outcome(
        number=number,
        word=word,
        kind=_kind_of(word, said, folder),
        detail=said,
        cpu_s=_cpu_s() - since,
        mb=mb,
    )


def _of_refusal(kind: AbstractKind, message: str, folder: Path) -> tuple[str, str]:
    if re.search("internal error|Traceback", message):
        return "internal error", message
    if re.search("MemoryError|Unable to allocate|bad_alloc", message):
        return "memory", message
    try:
        message.encode()
    except UnicodeEncodeError:
        return "message that cannot be printed", ascii(message)
    if "\n" in message or len(message) > _LONGEST_MESSAGE:
        return "message that is no paragraph", message[:6000]
    if not kind.names(message, folder):
        return "message that names nothing", message
    return "refused", message


def _kind_of(word: str, said: str, folder: Path) -> str:
    if word in ("traceback", "memory") and said.strip():
        places = re.findall(r'File ".*?/(render/\S+?)", line \d+, in (\S+)', said)
        where = f" in {places[-1][0]} {places[-1][1]}" if places else ""
        return f"{said.strip().splitlines()[-1][:90]}{where}"
    said = said.replace(str(folder), "").replace("\n", " ")
    said = re.sub(r"'[^']*'|\"[^\"]*\"|\S*/\S*|\S*part\.\w+\S*", "_", said)
    said = re.sub(r"[^\x20-\x7e]+", "_", re.sub(r"[-+]?\d[\d.e+-]*|\bnan\b|\binf\b", "N", said))
    return " ".join(said.split())[:70]


def _cpu_s() -> float:
    """Processor time so far, with that of children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _fresh_peak_mb() -> float:
    """Memory held now; from now on the peak is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _bound_memory() -> None:
    """What would take all of the machine's memory fails in this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bound = pages * os.sysconf("SC_PAGE_SIZE") + _ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (bound, resource.RLIM_INFINITY))


def _serve(shared: Path, answers: TextIO) -> None:
    prepared: set[str] = set()
    answers.write("ready\n")
    for line in sys.stdin:
        name, seed, number, folder = json.loads(line)
        kind = KINDS[name]
        if name not in prepared:
            kind.prepare(shared)
            prepared.add(name)
            with contextlib.suppress(RenderError):
                # What is imported and made ready at first use is no cost of a case.
                _warm_up(kind, shared)
            _bound_memory()
        outcome = run_case(kind, seed, number, shared, Path(folder))
        answers.write(json.dumps(asdict(outcome)) + "\n")


def _warm_up(kind: AbstractKind, shared: Path) -> None:
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        run_case(kind, -1, 0, shared, Path(folder) / "case")


def _show(shared: Path, name: str, seed: int, number: int) -> None:
    kind = KINDS[name]
    shared.mkdir(parents=True, exist_ok=True)
    kind.prepare(shared)
    folder = shared / f"{name} {seed} {number}".replace(" ", "_")
    outcome = run_case(kind, seed, number, shared, folder)
    print(f"{folder}\n{outcome.word}  {outcome.cpu_s:.2f} s  {outcome.mb:.0f} MB\n{outcome.detail}")  # noqa: T201


def main(words: list[str]) -> None:
    """Serves cases, or shows one."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    shared = Path(words[0]).resolve()
    if len(words) == 4:
        _show(shared, words[1], int(words[2]), int(words[3]))
        return
    # What libraries print goes with the errors, so that the answers stay alone.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    _serve(shared, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
