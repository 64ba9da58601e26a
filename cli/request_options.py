"""What `track` and `check` both ask: which objects of which frames, and how input is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from persam_vos.errors import MaskError

from .input_options import InputOptions
from .prompt_options import PromptOptions

if TYPE_CHECKING:
    from persam_vos import TrackRequest
    from persam_vos.request import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """What the options say that a run and a look before it share."""

    masks: tuple[str, ...]
    start_frame: int | str | None
    later_masks: tuple[tuple[int | str, str], ...]
    prompts: PromptOptions
    target: str | None
    direction: Direction
    objects: tuple[int, ...] | None
    overlay: bool
    reading: InputOptions
    sandbox: bool

    @property
    def rough_masks(self) -> list[tuple[int | str, str]]:
        """The frame and the file, maybe with its object, of each rough mask."""
        return self.prompts.rough_masks(self._start)

    def request(self, source: str) -> TrackRequest:
        """Return what is asked of a source; raises MaskError or UsageError for its masks."""
        from persam_vos import TrackRequest

        return TrackRequest(
            source=source,
            masks=self.masks or None,
            start_frame=self.start_frame,
            later_masks=files_by_frame("--mask", self.later_masks),
            prompts=self.prompts.prompts(self._start),
            rough_masks=files_by_frame("--rough", self.rough_masks),
            target=self.target,
            direction=self.direction,
            objects=self.objects,
            invert_mask=self.reading.invert_mask,
            label_map=self.reading.label_map,
            stream=self.reading.stream,
            deinterlace=self.reading.deinterlace,
            allow_network=self.reading.allow_network,
            start=self.reading.start,
            end=self.reading.end,
            stride=self.reading.stride,
            roi=self.reading.region(),
            reader=self.reading.reader,
            overlay=self.overlay,
        )

    @property
    def _start(self) -> int | str:
        return "start" if self.start_frame is None else self.start_frame


def files_by_frame(flag: str, masks: Sequence[tuple[int | str, str]]) -> dict[int | str, list[str]]:
    """Gather the masks of each frame; raises MaskError where those of a frame need ids."""
    by_frame: dict[int | str, list[str]] = {}
    for frame, mask in masks:
        by_frame.setdefault(frame, []).append(mask)
    for frame, files in by_frame.items():
        if len(files) > 1 and not all(re.match(r"\d+=", mask) for mask in files):
            raise MaskError(
                f"{flag} {frame}",
                got=f"{len(files)} masks of this frame, not all with an id",
                expected="one mask, or an id for each",
                remedy=f"leave all but one out, or name them as in {frame}:1=a.png {frame}:2=b.png",
            )
    return by_frame
