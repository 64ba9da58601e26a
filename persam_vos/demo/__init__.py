"""The demo clip, which the project renders itself."""
