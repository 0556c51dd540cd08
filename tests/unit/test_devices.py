"""Which of EGL's devices a number means, on tables of devices as drivers list them."""

from __future__ import annotations

import ctypes
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from render.engine.pyrender import egl
from render.engine.pyrender.devices import EglDevice, gpu_file, named, no_such_device, why_software
from render.engine.pyrender.engine import PyrenderEngine
from render.errors import EngineError

HIDDEN, MESA = "hidden", "mesa"
NVIDIA0 = Path("/dev/nvidia0")


def listed(*kinds: int | str) -> list[EglDevice]:
    """EGL's list: a CUDA number, a device of NVIDIA without one, or a device of Mesa."""
    return [
        EglDevice(index=i, is_nvidia=kind != MESA, cuda_idx=kind if isinstance(kind, int) else None)
        for i, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("kinds", "visible", "expected"),
    [
        # Mesa alone, GPU or software: the places in EGL's list, whatever CUDA is told to see.
        ((), None, {}),
        ((MESA,), None, {"0": 0}),
        ((MESA, MESA), "", {"0": 0, "1": 1}),
        ((MESA,), "3", {"0": 0}),
        # NVIDIA: CUDA's numbers in CUDA's order; what Mesa lists beside has no number.
        ((0,), None, {"0": 0}),
        ((0, MESA), None, {"0": 0}),
        ((2, 3, 0, 1, MESA, MESA), None, {"0": 2, "1": 3, "2": 0, "3": 1}),
        ((MESA, 1, 0), None, {"0": 2, "1": 1}),
        # The variable limits and orders them; the driver numbers what is visible.
        ((HIDDEN, 1, 0, HIDDEN), "2,1", {"0": 2, "1": 1}),
        ((HIDDEN, HIDDEN, 0, MESA), "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", {"0": 2}),
        ((1, 0), "GPU-8932f937,GPU-1d7a", {"0": 1, "1": 0}),
        ((HIDDEN, 0), "1,-1,0", {"0": 1}),
        # A driver that numbers all of them, whatever the variable shows.
        ((3, 2, 1, 0), "2,1", {"0": 1, "1": 2}),
        ((3, 2, 1, 0), "3", {"0": 0}),
        ((0, 1, 2), "2,9", {"0": 2}),
        ((0, 1, 2), "9,2", {}),  # like CUDA: nothing from the first invalid entry on
        # No GPU: none of NVIDIA's may be opened, and no number is CUDA's.
        ((HIDDEN, HIDDEN), "", {}),
        ((0, 1), "", {}),
        ((0, 1, MESA), "-1", {"2": 2}),
        ((HIDDEN, MESA), "-1", {"1": 1}),
        ((HIDDEN,), "no", {}),
        # Without CUDA, as in a container with the graphics capability alone.
        ((HIDDEN, HIDDEN), None, {"0": 0, "1": 1}),
        ((HIDDEN, MESA), None, {"0": 0, "1": 1}),
        ((HIDDEN, HIDDEN), "1", {}),
    ],
)
def test_names_of_devices(
    kinds: tuple[int | str, ...], visible: str | None, expected: dict[str, int]
) -> None:
    found = named(listed(*kinds), visible)

    assert found == expected
    assert list(found) == sorted(found, key=int), "the best guess is the first"


@pytest.mark.parametrize("visible", ["GPU-8932f937", "0,GPU-8932f937", "MIG-1d7a"])
def test_uuids_that_cannot_be_matched_are_refused(visible: str) -> None:
    with pytest.raises(EngineError, match=f"CUDA_VISIBLE_DEVICES must hold numbers.*'{visible}'"):
        named(listed(0, 1, 2, 3), visible)


@pytest.mark.parametrize(
    ("names", "visible", "why", "expected"),
    [
        (("0", "1", "surfaceless"), None, "",
         "engine.device must be one of auto, 0, 1, surfaceless, got 7"),
        (("0", "1", "surfaceless"), "3,5", "x",
         "engine.device must be one of auto, 0, 1, surfaceless, got 7; numbers count the GPUs "
         "that CUDA_VISIBLE_DEVICES='3,5' shows"),
        (("surfaceless",), "-1", "x",
         "engine.device must be one of auto, surfaceless, got 7: CUDA_VISIBLE_DEVICES='-1' hides "
         "all GPUs from this process"),
        (("surfaceless",), None, "/dev/nvidia0 is here, but closed",
         "engine.device must be one of auto, surfaceless, got 7: /dev/nvidia0 is here, but "
         "closed"),
    ],
)  # fmt: skip
def test_number_that_nothing_has(
    names: tuple[str, ...], visible: str | None, why: str, expected: str
) -> None:
    assert no_such_device("7", names, visible, why=why) == expected


@pytest.mark.parametrize(
    ("kinds", "visible", "failed", "expected"),
    [
        ((), None, {}, "its driver's EGL library is missing or closed to this user"),
        ((MESA,), None, {}, "NVIDIA_DRIVER_CAPABILITIES=all"),
        ((MESA,), "0", {}, "its driver's EGL library is missing"),
        ((HIDDEN,), "", {}, "CUDA_VISIBLE_DEVICES='' hides all GPUs from this process"),
        ((0, 1), "-1", {}, "CUDA_VISIBLE_DEVICES='-1' hides all GPUs"),
        ((HIDDEN, MESA), "0", {}, "EGL has no device that CUDA_VISIBLE_DEVICES='0' shows"),
        ((0, MESA), None, {"0": "egl 0: eglInitialize fails", "surfaceless": "no"},
         "but cannot be opened (egl 0: eglInitialize fails)"),
    ],
)  # fmt: skip
def test_why_a_gpu_is_not_used(
    kinds: tuple[int | str, ...], visible: str | None, failed: dict[str, str], expected: str
) -> None:
    told = why_software(listed(*kinds), visible, gpu=NVIDIA0, failed=failed)

    assert told.startswith("/dev/nvidia0 is here")
    assert expected in told
    assert "" == why_software(listed(*kinds), visible, gpu=None, failed=failed)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), None),
        (("null", "nvidiactl", "nvidia-uvm", "dri/card0"), None),
        (("nvidia0", "nvidia1"), "nvidia0"),
        (("nvidia3", "nvidiactl"), "nvidia3"),
        (("dri/card0", "dri/renderD128"), "dri/renderD128"),
        (("dxg",), "dxg"),
    ],
)
def test_files_of_gpus(files: tuple[str, ...], expected: str | None, tmp_path: Path) -> None:
    (tmp_path / "dri").mkdir()
    for name in files:
        (tmp_path / name).touch()

    assert gpu_file(tmp_path) == (tmp_path / expected if expected else None)


def test_this_machine_is_listed_as_it_is() -> None:
    devices = egl.list_devices()

    assert [device.index for device in devices] == list(range(len(devices)))
    for name, index in named(devices, None).items():
        try:
            with PyrenderEngine(platform="egl", device=name) as engine:
                is_nvidia = "nvidia" in engine.info.vendor.lower()
        except EngineError:
            continue
        assert devices[index].is_nvidia == is_nvidia


class Driver:
    """C functions such as eglGetProcAddress hands out, of a driver with three devices.

    Handles 1 and 2 are NVIDIA's, 2 is hidden from CUDA; 3 is Mesa's.
    """

    def __init__(self, *lacking: str) -> None:
        string = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
        attribute = ctypes.CFUNCTYPE(
            ctypes.c_uint, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_ssize_t)
        )
        self._nvidia = ctypes.create_string_buffer(b"EGL_NV_device_cuda EGL_EXT_device_drm")
        self._mesa = ctypes.create_string_buffer(b"EGL_MESA_device_software")
        functions = {
            "eglQueryDeviceStringEXT": string(self._string),
            "eglQueryDeviceAttribEXT": attribute(self._attribute),
        }
        self._functions = {k: v for k, v in functions.items() if k not in lacking}

    def eglGetProcAddress(self, name: bytes) -> int | None:
        function = self._functions.get(name.decode())
        return ctypes.cast(function, ctypes.c_void_p).value if function else None

    def _string(self, handle: int, name: int) -> int | None:
        assert name == 0x3055
        return ctypes.addressof(self._mesa if handle == 3 else self._nvidia)

    def _attribute(self, handle: int, name: int, value: Any) -> int:
        assert name == 0x323A
        if handle == 1:
            value[0] = 4
        return int(handle == 1)


@pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        ((), listed(4, HIDDEN, MESA)),
        (("eglQueryDeviceAttribEXT",), listed(HIDDEN, HIDDEN, MESA)),
        (("eglQueryDeviceAttribEXT", "eglQueryDeviceStringEXT"), listed(MESA, MESA, MESA)),
    ],
)
def test_what_a_driver_tells(
    lacking: tuple[str, ...], expected: list[EglDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(*lacking)
    handles = [SimpleNamespace(_display=handle) for handle in (1, 2, 3)]
    monkeypatch.setattr(egl, "_library", lambda: driver)
    monkeypatch.setattr(egl, "_import_egl", lambda: SimpleNamespace(query_devices=lambda: handles))

    assert egl.list_devices() == expected
