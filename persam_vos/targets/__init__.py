"""Targets: objects shown in other pictures, kept in a file, and found in the frames of a video."""
