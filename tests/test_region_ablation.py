"""Every rule names something that exists, can be left out, and is given back."""

from __future__ import annotations

from importlib import import_module

import pytest
from memory_scenes import Scene, drawn, masks_of, texture

from benchmarks.ablation import DEFAULT, MEMORY, changed
from benchmarks.region_ablation import RULES, markdown
from persam_vos.methods.memory.strategy import SparseStrategy

LEAVES_MORE = {
    "regions within pieces are not decided",
    "its rim stays",
    "propagated from frame to frame alone",
}


def seen_uncovered() -> int:
    """Count the cells kept of a body that has moved off a thing, and of that thing."""
    ground, thing, body = texture(0), texture(1), texture(2)
    scene = Scene.of(
        masks_of([(8, 4, 16, 12)]), drawn(drawn(ground, thing, 4), body, 4), SparseStrategy()
    )
    for step in range(1, 5):
        left = 4 + 2 * step
        masks = masks_of([(8, left, 16, left + 8), (8, 4, 16, min(12, left))])
        kept = scene.see(masks, drawn(drawn(ground, thing, 4), body, left))
    return int(kept.sum())


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_can_be_left_out_and_is_given_back(rule: str) -> None:
    constants = {MEMORY + name: value for name, value in RULES[rule].items()}
    before = {name: _value(name) for name in constants}
    usual = seen_uncovered()
    with changed(constants):
        assert (seen_uncovered() > usual) == (rule in LEAVES_MORE)
    assert {name: _value(name) for name in constants} == before


def test_the_table_has_differences_to_the_method_as_it_is() -> None:
    def row(score: float, frames: int) -> dict[str, object]:
        return {"kinds": {"twin": {"J&F": score}}, "clips": {"twin-a": {"twin_frames": frames}}}

    lines = markdown({DEFAULT: row(0.9, 2), "without": row(0.85, 30)}).splitlines()
    assert lines[-2:] == ["| default | 90.0 | 2 |", "| without | -5.0 | 30 |"]


def _value(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)
