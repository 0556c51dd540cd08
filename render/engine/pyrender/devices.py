"""Which of EGL's devices `engine.device` means: rules over what the devices tell of themselves.

EGL lists devices in an order of its own, and CUDA_VISIBLE_DEVICES means nothing to it. The NVIDIA
driver tells for each of its devices the CUDA device that it is (EGL_NV_device_cuda).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from render.errors import EngineError

__all__ = ["EglDevice", "gpu_file", "named", "no_such_device", "why_software"]

_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, kw_only=True)
class EglDevice:
    """What EGL tells of one of its devices before it is opened.

    Attributes:
        index: Its number in EGL's list.
        is_nvidia: It is the NVIDIA driver's.
        cuda_idx: Which CUDA device it is (EGL_CUDA_DEVICE_NV); None: none that the driver shows.

    """

    index: int
    is_nvidia: bool = False
    cuda_idx: int | None = None


def named(devices: Sequence[EglDevice], visible: str | None) -> dict[str, int]:
    """EGL's devices that may be opened, by what `engine.device` calls them; best guess first.

    Where EGL has CUDA devices, numbers are CUDA's, as CUDA_VISIBLE_DEVICES limits and orders
    them, and no other device has a number. Else they are the numbers in EGL's list; devices of
    the NVIDIA driver are then left out if the variable is set, since it does not show them.

    Args:
        devices: All that EGL lists.
        visible: CUDA_VISIBLE_DEVICES; None: it is not set.

    Raises:
        EngineError: The variable holds UUIDs, and the driver does not say which is which.

    """
    shown = _cuda_devices(devices, visible)
    if shown:
        return {str(number): shown[number] for number in sorted(shown)}
    return {str(d.index): d.index for d in devices if visible is None or not d.is_nvidia}


def _cuda_devices(devices: Sequence[EglDevice], visible: str | None) -> dict[int, int]:
    """Index in EGL's list by CUDA's number."""
    by_cuda_idx = {d.cuda_idx: d.index for d in devices if d.cuda_idx is not None}
    if visible is None or not by_cuda_idx:
        return by_cuda_idx
    entries = _entries(visible)
    if max(by_cuda_idx) < len(entries):
        return by_cuda_idx  # the driver heeds the variable itself, UUIDs too
    if not all(entry.isdecimal() for entry in entries):
        raise EngineError(
            f"{_VARIABLE} must hold numbers here, got {visible!r}: this driver does not tell EGL "
            "which device a UUID is (nvidia-smi -L lists numbers beside UUIDs)"
        )
    originals = takewhile(by_cuda_idx.__contains__, map(int, entries))
    return {number: by_cuda_idx[original] for number, original in enumerate(originals)}


def _entries(visible: str) -> list[str]:
    """What CUDA_VISIBLE_DEVICES shows; like CUDA, nothing from the first invalid entry on."""
    entries: list[str] = []
    for entry in map(str.strip, visible.split(",")):
        if not entry.isdecimal() and not entry.startswith(("GPU-", "MIG-")):
            break
        entries.append(entry)
    return entries


def no_such_device(asked: str, names: Sequence[str], visible: str | None, *, why: str) -> str:
    """What to say where nothing is called what `engine.device` names.

    Args:
        names: What `engine.device` can be here, besides ``auto``.
        why: From `why_software`; it counts where no device has a number.

    """
    text = f"engine.device must be one of auto, {', '.join(names)}, got {asked}"
    if visible is not None and not _entries(visible):
        return f"{text}: {_VARIABLE}={visible!r} hides all GPUs from this process"
    if why and not any(name.isdecimal() for name in names):
        return f"{text}: {why}"
    if visible is not None:
        return f"{text}; numbers count the GPUs that {_VARIABLE}={visible!r} shows"
    return text


def why_software(
    devices: Sequence[EglDevice],
    visible: str | None,
    *,
    gpu: Path | None,
    failed: Mapping[str, str],
) -> str:
    """Why frames are drawn in software though a GPU seems to be there, and the way out.

    Args:
        gpu: A device file of a GPU, from `gpu_file`.
        failed: What was tried in vain and why, by name.

    Returns:
        A clause; "" where nothing tells of a GPU.

    """
    if gpu is None:
        return ""
    there = f"{gpu} is here"
    if visible is not None and not _entries(visible):
        return f"{there}, but {_VARIABLE}={visible!r} hides all GPUs from this process"
    may_be_opened = named(devices, visible)
    errors = [error for name, error in failed.items() if name in may_be_opened]
    if errors:
        return f"{there}, but cannot be opened ({'; '.join(errors)})"
    if visible is not None and any(device.is_nvidia for device in devices):
        return (
            f"{there}, but EGL has no device that {_VARIABLE}={visible!r} shows: unset it, or let "
            "the driver find CUDA (libcuda.so.1; in a container NVIDIA_DRIVER_CAPABILITIES=all)"
        )
    return (
        f"{there}, but its driver's EGL library is missing or closed to this user (in a "
        "container: NVIDIA_DRIVER_CAPABILITIES=all)"
    )


def gpu_file(dev: Path = Path("/dev")) -> Path | None:
    """A device file that only a machine or container with a GPU has; None: there is none.

    Args:
        dev: The folder of device files.

    """
    # A container may hold the third GPU of its machine alone; dxg is that of WSL.
    for pattern in ("nvidia[0-9]*", "dri/renderD*", "dxg"):
        for path in sorted(dev.glob(pattern)):
            return path
    return None
