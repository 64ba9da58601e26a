"""The interface of methods: how a clip's propagation calls its method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Generic, Protocol, TypeVar

import torch

from ..runtime.state_tree import StateTree
from ..structures import Encoded, LabelMap, ObjectLogits

F = TypeVar("F")
"""Features that a method extracts from a frame, whatever its objects: a dataclass of tensors."""


class Method(Protocol, Generic[F]):
    """Learns objects from reference frames, then segments them frame by frame.

    A method is written once, eagerly. Frames come in order: for each, `features`, then `propagate`
    with what that returned, and then, if the frame is a reference, `add_reference`. ``runtime`` may
    capture the first two as graphs and replay them: then they have static shapes, never read a
    number from the device, and write `state` in place.
    """

    needs_previous: ClassVar[bool] = False
    """Whether `propagate` needs the last frame's label map."""

    def add_reference(
        self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]
    ) -> None:
        """Learn objects, or correct known ones, from a frame with known masks.

        ``labels`` is (H, W) at image size; every id of ``object_ids`` has a pixel in it. If objects
        were known before, `propagate` was called for this frame already.
        """

    def remove(self, object_id: int) -> None:
        """Forget an object that is known; one at least is left."""

    def features(self, encoded: Encoded) -> F:
        """Extract the features by which frames are matched; they depend on no object."""

    def propagate(
        self, features: F, encoded: Encoded, previous: LabelMap | None = None
    ) -> ObjectLogits:
        """Segment all known objects on the next frame.

        ``previous`` is the last frame's label map, (H, W), if the method needs it.
        """

    @property
    def graphable(self) -> bool:
        """Whether `features` and `propagate` do the same operations from now on."""
        return False

    def state(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that `propagate` depends on.

        `add_reference` writes them in place where it can: they are then the same tensors as before.
        """

    def state_dict(self) -> StateTree:
        """Return all that later frames depend on, as a tree; its tensors are not copied."""

    def load_state_dict(self, tree: StateTree) -> None:
        """Take over a state, of a method that was made alike; the tensors become this one's.

        Raises ValueError, KeyError or TypeError for a tree that is no state of this method.
        """
