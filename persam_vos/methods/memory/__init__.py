"""Remember frames, read masks from them, recognise objects: what the memory method is made of."""
