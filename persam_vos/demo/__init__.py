"""The demo clip, which the project renders itself."""

from .render import render_demo
from .write import DemoClip, write_demo

__all__ = ["DemoClip", "render_demo", "write_demo"]
