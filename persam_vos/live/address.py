"""What a user names as a live source: a camera's number, an address, or standard input."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from ..errors import MediaError, UsageError, param

STDIN = "-"
PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
    "http": "http,https,httpproxy,tcp,tls",
    "https": "http,https,httpproxy,tcp,tls",
    "tcp": "tcp",
    "udp": "udp",
    "srt": "srt",
}
"""The schemes of addresses, and the protocols that FFmpeg may use for each.

Files are in none: a playlist that a server sends cannot make FFmpeg read one.
"""


def camera_number(source: str) -> int | None:
    """Return the number of a camera, or None for another source."""
    return int(source) if re.fullmatch(r"\d{1,3}", source) else None


def check_source(source: str) -> None:
    """Raise UsageError for a source that is neither a camera, nor an address, nor ``-``."""
    if source == STDIN or camera_number(source) is not None:
        return
    scheme, separator, rest = source.partition("://")
    if not separator:
        raise UsageError(
            param("source"),
            got=repr(source),
            expected="the number of a camera, an address such as rtsp://host/path, or - for stdin",
            remedy=f"give files and folders without {param('source')}",
        )
    if scheme.lower() not in PROTOCOLS or not rest:
        raise UsageError(
            param("source"),
            got=f"an address that begins with {scheme}://",
            expected=f"one of {', '.join(f'{name}://' for name in PROTOCOLS)}, and a host",
            remedy=f"pipe other sources in, with {param('source', STDIN)}",
        )


def shown_name(source: str) -> str:
    """Name a source for people and logs, without the password of an address.

    >>> shown_name("rtsp://me:secret@cam.local:554/a?key=1")
    'rtsp://me:***@cam.local:554/a?key=1'
    """
    if source == STDIN:
        return "stdin"
    if camera_number(source) is not None:
        return f"camera {source}"
    parts = urlsplit(source)
    user, separator, host = parts.netloc.rpartition("@")
    if not separator or ":" not in user:
        return source
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}"))


def stalled(name: str, seconds: float) -> MediaError:
    """Say that a source was waited for in vain."""
    return MediaError(
        name,
        got=f"no frame for {seconds:g} s",
        expected="a source that goes on sending",
        remedy=f"check it and start again, or raise {param('stall_timeout')}",
    )
