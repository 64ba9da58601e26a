"""What runs the encoder on a CPU: torch, or a faster runtime with our network exported to it."""

from .choice import Encoder, Layers, fitting_backends, make_encoder, torch_encoder

__all__ = ["Encoder", "Layers", "fitting_backends", "make_encoder", "torch_encoder"]
