"""What needs the network before tracking begins: masks of boxes, points and rough masks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from .engine import Engine
from .plan import TrackPlan
from .prompted import FrameMasks, label_prompts, make_masks
from .propagate import Reference


def make_references(plan: TrackPlan, engine: Engine) -> TrackPlan:
    """Return the plan with labels in place of its prompts.

    Frames are encoded for it, except for those on which a point refines the mask of an object that
    is tracked there: their labels are made when tracking gets there. Raises MaskError for prompts
    of which no mask can be made, MediaError for a frame that does not exist.
    """
    references: dict[int, Reference] = dict(plan.references)
    for index, prompts in plan.prompts.items():
        given = references.get(index)
        assert not callable(given), "only this function makes them"
        if prompts.refined(plan.tracked_ids(index) - plan.masked_ids(index)):
            references[index] = partial(label_prompts, engine, prompts, given)
            continue
        encoded = engine.encode(plan.seen(index))
        references[index] = label_prompts(engine, prompts, given, encoded)
    return replace(plan, references=references, prompts={})


def first_masks(plan: TrackPlan, engine: Engine) -> FrameMasks:
    """Make the masks of the start frame: those that tracking would begin with.

    Raises MaskError for prompts of which no mask can be made.
    """
    given = plan.references.get(plan.start)
    assert not callable(given), "only `make_references` makes them"
    encoded = engine.encode(plan.seen(plan.start))
    return make_masks(engine, plan.prompts[plan.start], given, encoded)
