"""The numbers of an experiment that vary: finding them, and putting values in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def _ranges(node: Wire | tuple[Any, ...], path: Path) -> Iterator[Dimension]:
    children: list[tuple[str | int, Any, bool]]
    if isinstance(node, tuple):
        children = [(i, item, False) for i, item in enumerate(node)]
    else:
        children = [(wire, getattr(node, name), whole) for wire, name, whole in _fields(type(node))]
    for token, value, whole in children:
        if isinstance(value, (Values, LinearRange, LogRange)):
            yield Dimension(pointer((*path, token)), value, integer=whole)
        elif isinstance(value, (Wire, tuple)):
            yield from _ranges(value, (*path, token))


def _replaced(node: Any, tree: Tree) -> Any:  # Any: a model, a tuple of them, or a number
    if isinstance(node, tuple):
        return tuple(
            _child(item, tree[str(i)], whole=False) if str(i) in tree else item
            for i, item in enumerate(node)
        )
    assert isinstance(node, Wire), f"{tree} points into {node!r}"
    changed = {
        name: _child(getattr(node, name), tree[wire], whole=whole)
        for wire, name, whole in _fields(type(node))
        if wire in tree
    }
    assert len(changed) == len(tree), f"{node!r} has not all of {list(tree)}"
    return node.model_copy(update=changed)


def _child(value: Any, tree: Any, *, whole: bool) -> Any:  # Any: as in _replaced
    if isinstance(tree, dict):
        return _replaced(value, tree)
    return int(tree) if whole else float(tree)


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
