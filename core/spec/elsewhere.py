"""Where a field that stands in the wrong place belongs: what people write from habit.

`"lr": 0.1` in a job belongs to its optimizer, `"dropout": 0.5` is a kind of regularizer, and what
pandas calls `drop` is `ignore` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.spec.experiment import wire_names
from core.spec.place import item_of, models_of
from core.spec.pointer import shown
from core.term import Term, Wire

Body = Mapping[str, Any]  # Any: JSON

SYNONYMS = {  # what other libraries call it -> what it is called here, wherever that is a field
    "batch": "batch_size",
    "columns": "ignore",
    "cv": "folds",
    "data": "dataset",
    "drop": "ignore",
    "exclude": "ignore",
    "groups": "group",
    "k": "folds",
    "label": "target",
    "learning_rate": "lr",
    "model": "architecture",
    "n_repeats": "repeats",
    "n_splits": "folds",
    "network": "architecture",
    "penalty": "regularizer",
    "sep": "delimiter",
    "separator": "delimiter",
    "times": "time",
    "y": "target",
}
RESERVED = {
    ("Split", "train"): "training gets what validation and test leave; give those two",
    ("Split", "resample"): 'the rows are partitioned anew by "repeats", a field of the job: '
    'write "folds": 5, "repeats": 3',
    ("JobSpec", "baseline"): 'it belongs to one arm of the comparison: write "compare": '
    '[{"name": "none", "baseline": true}, ...]',
}


def way_there(owner: type[Wire], name: str, siblings: Body) -> str | None:
    """What to write instead of `name`, which is no field of `owner`; None where nobody knows.

    siblings: the object in which the client wrote it.
    """
    if reserved := RESERVED.get((owner.__name__, name)):
        return reserved
    meant = SYNONYMS.get(name, name)
    if meant in wire_names(owner):
        return f'it is called "{meant}" here'
    parts, given = _parts(owner, siblings), siblings[name]
    found = (look(part, meant, given) for look in (_as_kind, _as_field) for part in parts)
    return next((sentence for sentence in found if sentence), None)


@dataclass(frozen=True)
class _Part:
    """A field that holds an object or, if `several`, a list of them."""

    name: str
    model: type[Wire]
    several: bool
    first: type[Wire] | None  # the member to look at before the others
    default: Body  # what its default says, which naming a kind would leave out

    def write(self, body: str) -> str:
        return f'write "{self.name}": [{body}]' if self.several else f'write "{self.name}": {body}'


def _parts(owner: type[Wire], siblings: Body) -> list[_Part]:
    """The fields of a model that hold models, lists last."""
    parts = []
    for name, field in wire_names(owner).items():
        info = owner.model_fields[field]
        single = next(models_of(info.annotation), None)
        model = single or next(models_of(item_of(info.annotation)), None)
        if model is not None and not issubclass(model, owner):  # an arm has the fields of a job
            named = _named(model, siblings.get(name))
            default = {} if named else _said(info.default)
            parts.append(_Part(name, model, single is None, named or type(info.default), default))
    return sorted(parts, key=lambda part: part.several)


def _named(model: type[Wire], given: Any) -> type[Wire] | None:  # Any: JSON
    """The member that the body names already."""
    if not issubclass(model, Term):
        return None
    full = model.expand(given)
    kind = full.get("kind") if isinstance(full, Mapping) else None
    return model.members().get(kind) if isinstance(kind, str) else None


def _said(default: object) -> Body:
    """What a default says besides its kind."""
    return (
        default.model_dump(exclude_unset=True, exclude={"kind"})
        if isinstance(default, Term)
        else {}
    )


def _as_kind(part: _Part, name: str, given: Any) -> str | None:  # Any: JSON
    """What to write where the name is a kind; a number is the strength of a regularizer."""
    member = part.model.members().get(name) if issubclass(part.model, Term) else None
    if member is None:
        return None
    body = _tag(member)
    knob = next(iter(member.knobs()), None)
    if part.several and knob and isinstance(given, (int, float)) and not isinstance(given, bool):
        body += f', "{member.wire_name(knob)}": {shown(given)}'
    return f"it is a kind of {member.family}: {part.write(f'{{{body}}}')}"


def _as_field(part: _Part, name: str, given: Any) -> str | None:  # Any: JSON
    """What to write where the name is a field of the part, or of some kind of it."""
    field = f'"{name}": {shown(given)}'
    if not issubclass(part.model, Term):
        has = name in wire_names(part.model)
        return f'it belongs to "{part.name}": {part.write(f"{{{field}}}")}' if has else None
    members = sorted(part.model.members().values(), key=lambda member: member is not part.first)
    for member in members:
        if name in wire_names(member):
            kept = part.default if member is part.first else {}
            fields = [f'"{key}": {shown(value)}' for key, value in kept.items() if key != name]
            body = f"{{{', '.join([_tag(member), field, *fields])}}}"
            return f'it belongs to "{part.name}": {part.write(body)}'
    return None


def _tag(member: type[Term]) -> str:
    return f'"{member.wire_name("kind")}": "{member.wire_kind()}"'
