"""What the commands have another process look at."""

from __future__ import annotations

from pathlib import Path

from persam_vos_cli.sandbox import files_of

from persam_vos import TrackRequest


def test_all_that_a_request_has_opened_is_looked_at() -> None:
    request = TrackRequest(
        source="a.mp4",
        masks=["1=a.png", "2=b.png"],
        later_masks={4: Path("c.png")},
        rough_masks={5: ["3=d.png"]},
        stream=1,
    )
    found = files_of(request)
    assert found.sources == ("a.mp4",)
    assert found.masks == ("a.png", "b.png", "c.png", "d.png")
    assert found.options == request.reading
