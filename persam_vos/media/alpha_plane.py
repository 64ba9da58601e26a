"""Alpha of VP9 in WebM: a second video of grey pictures, carried beside the packets of the first.

The layout is that of the WebM container guidelines and of FFmpeg's libvpx encoder, which makes both
videos with one quality; here that of alpha is lossless, and each of its pictures stands alone.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_OPTIONS = {"lossless": "1", "g": "1", "lag-in-frames": "0", "cpu-used": "5", "auto-alt-ref": "0"}
_NO_COLOUR = 128
_ALPHA_ID = (1).to_bytes(8, "big")
"""What alpha is called among the additions to a packet."""


class AlphaPlane:
    """Encodes alpha of pictures, and attaches it to the packets of their colours by time stamp."""

    def __init__(self, size_hw: tuple[int, int], time_base: Fraction) -> None:
        import av

        self._encoder: Any = av.CodecContext.create("libvpx-vp9", "w")
        self._encoder.height, self._encoder.width = size_hw
        self._encoder.pix_fmt, self._encoder.time_base = "yuv420p", time_base
        self._encoder.options = _OPTIONS
        self._waiting: dict[int, bytes] = {}

    def add(self, alpha: npt.NDArray[np.uint8], pts: int) -> None:
        """Encode the alpha, (H, W), of the picture at a time stamp."""
        from av.video.frame import VideoFrame

        height, width = alpha.shape
        frame = VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            rows = np.full((plane.height, plane.line_size), _NO_COLOUR, np.uint8)
            if plane.height == height:
                rows[:, :width] = alpha
            plane.update(rows.tobytes())
        frame.pts, frame.time_base = pts, self._encoder.time_base
        for packet in self._encoder.encode(frame):
            self._waiting[packet.pts] = bytes(packet)

    def attach(self, packet: Packet[VideoStream]) -> None:
        """Put the alpha of a picture beside the packet of its colours."""
        from av.packet import PacketSideData, PktSideDataT

        assert packet.pts is not None, "which every picture was given"
        data = _ALPHA_ID + self._waiting.pop(packet.pts)
        kind = get_args(PktSideDataT).index("matroska_block_additional")
        beside = PacketSideData(kind, len(data))  # type: ignore[call-arg]  # its stub has none
        beside.update(data)
        packet.set_sidedata(beside)
