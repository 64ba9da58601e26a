"""Tensors in, tensors out: the SAM network."""
