"""Results that come later; on a CPU, at once."""

from __future__ import annotations

import torch

from persam_vos.runtime.stream import HostCopy, device_access, new_stream, record, synchronise, wait

CPU = torch.device("cpu")


def test_a_copy_from_the_cpu_is_what_was_given() -> None:
    given = [torch.arange(3), torch.ones(2, 2)]
    for got, expected in zip(HostCopy(given).wait(), given, strict=True):
        assert torch.equal(got, expected)


def test_a_cpu_has_no_streams_and_waits_for_nothing() -> None:
    with device_access(CPU), new_stream(CPU, high_priority=True)():
        event = record(CPU)
    assert event is None
    wait(CPU, event, torch.ones(1))
    synchronise(CPU)
