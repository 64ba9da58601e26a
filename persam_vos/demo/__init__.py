"""The demo clip, which the project renders itself."""

from .files import DemoClip, write_demo
from .render import render_demo

__all__ = ["DemoClip", "render_demo", "write_demo"]
