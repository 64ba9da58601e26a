"""Dataclasses of tensors, seen as the tensors that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def tensors_of(tree: object) -> Iterator[torch.Tensor]:
    """Yield the tensors of a tensor, a tuple or a dataclass, and of what these hold, in order."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, tuple):
        for part in tree:
            yield from tensors_of(part)
    elif is_dataclass(tree):
        for field in fields(tree):
            yield from tensors_of(getattr(tree, field.name))


def with_tensors(tree: T, tensors: Iterable[torch.Tensor]) -> T:
    """Return a copy of a tensor, tuple or frozen dataclass made of other tensors, in that order."""
    rest = iter(tensors)
    copy: T = _filled(tree, rest)
    return copy


def update_in_place(old: T | None, new: T) -> T:
    """Write ``new`` into the tensors of ``old`` if all sizes are equal; returns what is valid."""
    pairs = list(zip(tensors_of(old), tensors_of(new), strict=False))
    if old is None or any(one.shape != other.shape for one, other in pairs):
        return new
    for one, other in pairs:
        one.copy_(other)
    return old


def same_tensors(before: Iterable[torch.Tensor], after: Iterable[torch.Tensor]) -> bool:
    """Tell whether two lists hold the very same tensors, as after writing in place."""
    one, other = list(before), list(after)
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _filled(tree: Any, rest: Iterator[torch.Tensor]) -> Any:
    if isinstance(tree, torch.Tensor):
        return next(rest)
    if isinstance(tree, tuple):
        return tuple(_filled(part, rest) for part in tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        parts = {field.name: getattr(tree, field.name) for field in fields(tree)}
        held = {
            name: part for name, part in parts.items() if next(tensors_of(part), None) is not None
        }
        return replace(tree, **{name: _filled(part, rest) for name, part in held.items()})
    return tree
