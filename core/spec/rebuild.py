"""From a stored document back to the experiment of one run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from core.spec.experiment import Experiment, wire_names
from core.spec.resolve import BASE
from core.spec.vary import with_values

Document = Mapping[str, Any]  # Any: JSON


def experiment_at(document: Document, arm: str, setting: Mapping[str, float]) -> Experiment:
    """The experiment of one run, in which every number is a number.

    document: of a Resolved, or read back from JSON; it must not be changed between calls, since
    its arms are parsed once. KeyError where it has no such arm.
    """
    return with_values(_arms_of(_Same(document))[arm], setting)


class _Same:
    """A document as a key of a cache: equal to itself alone, and alive while it is cached."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def __hash__(self) -> int:
        return id(self.document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.document is self.document


@lru_cache(maxsize=4)  # a worker trains few jobs at a time, and a document may be large
def _arms_of(key: _Same) -> dict[str, Experiment]:
    document, fields = key.document, wire_names(Experiment)
    compare = document.get("compare")
    bodies = {BASE: document} if compare is None else {arm["name"]: arm for arm in compare}
    return {
        name: Experiment.model_validate({field: body[field] for field in fields})
        for name, body in bodies.items()
    }
