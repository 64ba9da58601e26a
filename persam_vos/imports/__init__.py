"""Masks that were drawn or corrected in other tools, as label PNGs to track from."""
