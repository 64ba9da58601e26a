"""What needs the network before tracking begins: masks of prompts, and of a target's objects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..structures import Frame
from ..targets.find import Found, TargetFinder
from .engine import Engine
from .plan import TrackPlan
from .prompted import FrameMasks, label_prompts, make_masks
from .propagate import Reference
from .target_refind import TargetRefinder
from .target_search import OnLook, search_target
from .targets import check_network, new_finder


def make_references(plan: TrackPlan, engine: Engine, on_look: OnLook | None = None) -> TrackPlan:
    """Return the plan with labels in place of its prompts, or where its target is found.

    A target is looked for if nothing else shows an object, see `search_target`; ``on_look`` is
    called for each frame that was looked at. Frames of prompts are encoded, except for those on
    which a point refines the mask of an object that is tracked there: their labels are made when
    tracking gets there. Raises MaskError for prompts of which no mask can be made, MediaError for a
    frame that does not exist, TargetError for a target of another network.
    """
    if plan.target is not None:
        check_network(plan.target, engine)
        finder = new_finder(plan.target, engine)
        plan = replace(plan, refinder=TargetRefinder(finder))
        if not plan.references and not plan.prompts:
            return _found(plan, finder, engine, on_look)
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


def find_masks(plan: TrackPlan, engine: Engine) -> tuple[Frame, Found]:
    """Look for the plan's target on its start frame; raises TargetError as `make_references`."""
    assert plan.target is not None, "there is something to look for"
    check_network(plan.target, engine)
    frame = plan.seen(plan.start)
    return frame, new_finder(plan.target, engine)(engine.encode(frame))


def _found(
    plan: TrackPlan, finder: TargetFinder, engine: Engine, on_look: OnLook | None
) -> TrackPlan:
    """Return the plan that starts where the target is found, or that has no references."""

    def look(frame: Frame) -> Found:
        return finder(engine.encode(plan.cropped(frame)))

    sighting, labels = search_target(partial(plan.source.frames, plan.start), look, on_look)
    if not sighting.object_ids:
        return replace(plan, sighting=sighting)
    return replace(
        plan, start=sighting.frame, references={sighting.frame: labels}, sighting=sighting
    )
