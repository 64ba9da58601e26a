"""States as trees of plain values and tensors, and back: what a checkpoint holds of an object."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import torch

T = TypeVar("T")

StateTree: TypeAlias = Any
"""None, a bool, number, text or tensor, or a list or a dict (keys are text) of state trees."""

_PLAIN = (bool, int, float, str, type(None), torch.Tensor)


def to_tree(value: object) -> StateTree:
    """Return the state tree of a dataclass, or of a container of such; tensors are not copied.

    >>> to_tree({3: (1, 2)})
    {'3': [1, 2]}
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, dict):
        return {str(key): to_tree(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_tree(part) for part in value]
    if is_dataclass(value):
        return {field.name: to_tree(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"no state tree: {type(value).__name__}")


def from_tree(kind: type[T], tree: StateTree) -> T:
    """Make a value of ``kind``, a dataclass or an annotation such as ``dict[int, X]``, of its tree.

    Raises ValueError for a tree that is not of that kind.

    >>> from_tree(dict[int, tuple[int, int]], {"3": [1, 2]})
    {3: (1, 2)}
    """
    return _value(kind, tree, "state")  # type: ignore[no-any-return]


def _value(kind: Any, tree: StateTree, where: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if tree is None and type(None) in args:
            return None
        (kind,) = (one for one in args if one is not type(None))
        return _value(kind, tree, where)
    if origin is dict:
        _check(dict, tree, where)
        return {args[0](key): _value(args[1], part, where) for key, part in tree.items()}
    if origin in (list, tuple):
        _check(list, tree, where)
        kinds = args if origin is tuple and args[-1] is not ... else (args[0],) * len(tree)
        parts = zip(kinds, tree, strict=True)
        return origin(_value(one, part, where) for one, part in parts)
    if is_dataclass(kind):
        return _dataclass(kind, tree, where)
    if kind is torch.dtype:
        _check(str, tree, where)
        return getattr(torch, tree)
    _check(kind, tree, where)
    return tree


def _dataclass(kind: Any, tree: StateTree, where: str) -> Any:
    _check(dict, tree, where)
    hints, names = get_type_hints(kind), [field.name for field in fields(kind)]
    if tree.keys() != set(names):
        raise ValueError(f"{where}: got {sorted(tree)}, expected {sorted(names)}")
    return kind(**{name: _value(hints[name], tree[name], f"{where}.{name}") for name in names})


def _check(kind: type, tree: StateTree, where: str) -> None:
    if not isinstance(tree, kind):
        got = type(tree).__name__
        raise ValueError(f"{where}: got {got}, expected {kind.__name__}")  # noqa: TRY004 - as values are
