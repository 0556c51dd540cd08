"""What a kind of input is to the fuzz suite."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from random import Random

__all__ = ["AbstractKind", "rng_of"]


class AbstractKind(ABC):
    """Makes inputs of one kind and hands them to all that reads such."""

    name: str
    cpu_s = 10.0
    """What one case may take of a processor, seconds."""

    def prepare(self, shared: Path) -> None:  # noqa: B027  (most need nothing)
        """Makes what all cases begin with, once for all processes."""

    @abstractmethod
    def make(self, rng: Random, shared: Path, folder: Path) -> None:
        """Writes the input of one case into an empty folder; nothing else may depend on `rng`."""

    @abstractmethod
    def use(self, folder: Path) -> str:
        """Hands it to the project.

        Returns:
            A word for what came of it: ``accepted``, ``found``.

        Raises:
            RenderError: It is refused, which is as good.

        """

    def names(self, message: str, folder: Path) -> bool:
        """Whether a refusal names the file, or the key, that is to be mended."""
        return any(path.name in message for path in (folder, *folder.rglob("*")))


def rng_of(kind: str, seed: int, number: int) -> Random:
    """The stream of one case."""
    return Random(f"{kind} {seed} {number}")
