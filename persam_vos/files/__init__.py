"""Files whole or not at all: atomic writing, the cache, downloads."""
