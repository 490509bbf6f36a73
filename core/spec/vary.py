"""The numbers of an experiment that vary: finding them, and putting values in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, get_args

from core.search import Dimension
from core.spec.experiment import Experiment, wire_names
from core.spec.pointer import Path, pointer, tokens
from core.term import Knob, LinearRange, LogRange, Values, Wire

Tree = dict[str, Any]  # Any: a Tree, or the number that stands at its end


def dimensions_of(experiment: Experiment) -> tuple[Dimension, ...]:
    """Every range of an experiment, in the order in which its fields are declared."""
    return tuple(_ranges(experiment, ()))


def with_values(experiment: Experiment, setting: Mapping[str, float]) -> Experiment:
    """The same experiment with a number at each pointer of the setting; nothing is re-validated."""
    if not setting:
        return experiment
    tree: Tree = {}
    for place, value in setting.items():
        node = tree
        *parents, last = tokens(place)
        for token in parents:
            node = node.setdefault(token, {})
        node[last] = value
    replaced = _replaced(experiment, tree)
    assert isinstance(replaced, Experiment)
    return replaced


def _ranges(
    node: Wire | tuple[Any, ...], path: Path, *, whole: bool = False
) -> Iterator[Dimension]:
    children: Iterable[tuple[str | int, Any, bool]]
    if isinstance(node, tuple):
        children = ((i, item, whole) for i, item in enumerate(node))
    else:
        children = ((wire, getattr(node, name), own) for wire, name, own in _fields(type(node)))
    for token, value, own in children:
        if isinstance(value, (Values, LinearRange, LogRange)):
            yield Dimension(pointer((*path, token)), value, integer=own)
        elif isinstance(value, (Wire, tuple)):
            yield from _ranges(value, (*path, token), whole=own)


def _replaced(value: Any, tree: Any, *, whole: bool = False) -> Any:
    """Any: a model, a tuple or a number, and the part of the setting that is inside it."""
    if not isinstance(tree, dict):
        return int(tree) if whole else float(tree)
    if isinstance(value, tuple):
        return tuple(
            _replaced(item, tree[str(i)], whole=whole) if str(i) in tree else item
            for i, item in enumerate(value)
        )
    assert isinstance(value, Wire), f"{tree} points into {value!r}"
    changed = {
        name: _replaced(getattr(value, name), tree[wire], whole=own)
        for wire, name, own in _fields(type(value))
        if wire in tree
    }
    assert len(changed) == len(tree), f"{value!r} has not all of {list(tree)}"
    return value.model_copy(update=changed)


@cache
def _fields(model: type[Wire]) -> tuple[tuple[str, str, bool], ...]:
    """(wire name, Python name, whole numbers only) of each field."""
    return tuple(
        (wire, name, _is_whole(model.model_fields[name]))
        for wire, name in wire_names(model).items()
    )


def _is_whole(annotation: Any) -> bool:  # Any: a FieldInfo, or any type
    """Whether a knob somewhere in an annotation admits whole numbers only."""
    marks = [
        *getattr(annotation, "metadata", ()),
        *get_args(getattr(annotation, "annotation", annotation)),
    ]
    return any(mark.integer if isinstance(mark, Knob) else _is_whole(mark) for mark in marks)
