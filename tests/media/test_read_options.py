"""How an input is read by default."""

from __future__ import annotations

from persam_vos.media.read_options import DEFAULT, ReadOptions


def test_by_default_nothing_leaves_this_machine_and_interlacing_is_undone() -> None:
    assert ReadOptions() == DEFAULT
    assert not DEFAULT.allow_network
    assert DEFAULT.deinterlace
    assert DEFAULT.stream is None
