"""Choosing a device and a precision."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from persam_vos.errors import UsageError
from persam_vos.runtime.device import (
    Compute,
    forget_peak_memory,
    peak_memory_bytes,
    resolve_compute,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_named_choice_is_taken(dtype: str) -> None:
    compute = resolve_compute("cpu", dtype)
    assert compute == Compute(CPU, getattr(torch, dtype))
    assert compute.dtype_name == dtype
    assert compute.describe() == f"cpu, {dtype}"


def test_auto_on_the_cpu_is_float32() -> None:
    assert resolve_compute("cpu", "auto").dtype is torch.float32


@pytest.mark.skipif(
    torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is more here"
)
def test_auto_takes_the_cpu_where_nothing_else_is() -> None:
    assert resolve_compute().device == CPU


WRONG = {
    "unknown device": ("tpu", "auto"),
    "no device": ("", "auto"),
    "index that is no number": ("cuda:foo", "auto"),
    "empty index": ("cpu:", "auto"),
    "negative index": ("cpu:-1", "auto"),
    "index that is not there": ("cpu:7", "auto"),
    "card that is not there": ("cuda:4096", "auto"),
    "unknown precision": ("cpu", "int8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_choices_are_explained(case: str) -> None:
    with pytest.raises(UsageError, match=r"^d\w+.*: got .*, expected .*; use ") as raised:
        resolve_compute(*WRONG[case])
    assert raised.value.exit_code == 2


def test_peak_memory_is_at_least_what_is_held() -> None:
    held = torch.ones(20_000_000)  # 80 MB
    assert peak_memory_bytes(resolve_compute("cpu")) > held.nbytes


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a peak cannot be forgotten")
def test_peak_memory_can_be_forgotten() -> None:
    compute = resolve_compute("cpu")
    held = torch.ones(50_000_000)  # 200 MB
    before, size = peak_memory_bytes(compute), held.nbytes
    del held
    forget_peak_memory(compute)
    assert peak_memory_bytes(compute) < before - size / 2


@pytest.mark.skipif(sys.platform != "linux", reason="no list of processes' memory")
def test_peak_memory_is_not_that_of_the_process_that_started_this_one() -> None:
    child = (
        "from persam_vos.runtime.device import *; print(peak_memory_bytes(resolve_compute('cpu')))"
    )
    large = 600_000_000  # the child has less than half of it
    parent = (
        "import subprocess, sys; "
        f"held = bytearray(b'1') * {large}; "
        "subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    )
    command = [sys.executable, "-c", parent, child]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert int(done.stdout) < large


@pytest.mark.gpu
def test_auto_takes_the_gpu() -> None:
    compute = resolve_compute()
    assert compute.device.type == "cuda"
    assert torch.cuda.get_device_name(0) in compute.describe()
    assert resolve_compute("cuda:0").device == torch.device("cuda:0")
