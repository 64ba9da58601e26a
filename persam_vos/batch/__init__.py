"""Many clips at a time."""
