"""Cut an object out of a video: show it once, get its mask on every frame."""

__version__ = "0.1.0"
