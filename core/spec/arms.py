"""From a client's body to the bodies of its arms, keeping track of who wrote what.

An arm is a JSON merge patch (RFC 7396) on the rest of the body, with two differences that make
patches say what people mean: an object of another `kind`, and a range, replace what was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.regularizers import Regularizer
from core.spec.experiment import Experiment, is_range, wire_names
from core.spec.pointer import Path, shown

Body = Mapping[str, Any]  # Any: JSON
Found = tuple[Path, str]  # where in the draft, and what is wrong there

SHORTHAND = ("regularizer", "lambda")
FIELDS = (*wire_names(Experiment), *SHORTHAND)
DEFAULTS = {
    name: info.default.model_dump(mode="json")
    for name, info in Experiment.model_fields.items()
    if hasattr(info.default, "model_dump")
}


@dataclass(frozen=True)
class Draft:
    """One experiment's body in full form, not validated yet.

    at: where the arm's patch stands in the client's body; () for the body itself.
    raw: the body before shorthand was written out.
    """

    body: Body
    raw: Body
    at: Path = ()
    patch: Body = field(default_factory=dict)
    base: Body = field(default_factory=dict)
    faults: tuple[Found, ...] = ()

    def client_path(self, path: Path) -> Path:
        """Where the client wrote what stands at `path` of this draft."""
        path = _in_shorthand(path, self.raw)
        return (*self.at, *path) if self.wrote(path) else path

    def wrote(self, path: Path) -> bool:
        """Whether this arm's own patch is behind a place, rather than the body under it."""
        target: Any = self.base
        patch: Any = self.patch
        for token in path:
            if not isinstance(patch, Mapping):
                return True
            target = _merge_target(target, patch)
            if token not in patch:
                return token not in target
            patch, target = patch[token], target.get(token)
        return True


def base_draft(body: Body) -> Draft:
    """The experiment that the body itself describes."""
    raw = {key: value for key, value in body.items() if key in FIELDS}
    return _draft(raw)


def arm_draft(base: Draft, patch: Body, index: int) -> Draft:
    """The experiment of one entry of `compare`, over the body's own."""
    under = _without_replaced_shorthand({**_patched_defaults(patch), **base.raw}, patch)
    return _draft(merged(under, patch), at=("compare", index), patch=patch, base=under)


def merged(target: Any, patch: Any) -> Any:  # Any: JSON
    """RFC 7396, save that a range, or an object of another kind, replaces its target."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(_merge_target(target, patch))
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _merge_target(target: Any, patch: Body) -> Body:  # Any: JSON
    """What an object is merged into: its target, or nothing where it replaces it."""
    if isinstance(target, str):
        target = {"kind": target}
    if not isinstance(target, Mapping) or is_range(patch):
        return {}
    other_kind = "kind" in patch and patch["kind"] != target.get("kind")
    return {} if other_kind else target


def _patched_defaults(patch: Body) -> dict[str, Any]:
    """The defaults that an arm changes a part of, without saying what kind they are."""
    return {
        name: default
        for name, default in DEFAULTS.items()
        if isinstance(patch.get(name), Mapping) and "kind" not in patch[name]
    }


def _without_replaced_shorthand(base: Body, patch: Body) -> dict[str, Any]:
    """The body under an arm, less the form of regularizers that the arm does not use."""
    base = dict(base)
    if "regularizers" in patch:
        base.pop("regularizer", None)
        base.pop("lambda", None)
    if "regularizer" in patch:
        base.pop("regularizers", None)
        if not _has_lambda(patch["regularizer"]):
            base.pop("lambda", None)
    return base


def _has_lambda(regularizer: Any) -> bool:  # Any: JSON
    """Whether a lambda in the body makes sense for an arm's regularizer."""
    if isinstance(regularizer, str):
        member = Regularizer.members().get(regularizer)
        return member is None or "lambda" in wire_names(member)
    return False


def _draft(raw: Body, **origin: Any) -> Draft:  # Any: fields of Draft
    body = {key: value for key, value in raw.items() if key not in SHORTHAND}
    named, strength = raw.get("regularizer"), raw.get("lambda")
    if named is None and strength is None:
        return Draft(body, raw, **origin)
    if fault := _shorthand_fault(raw):
        body.pop("regularizers", None)
        return Draft(body, raw, **origin, faults=(fault,))
    regularizer: Any = {"kind": named} if isinstance(named, str) else named
    if strength is not None and isinstance(regularizer, Mapping):
        regularizer = {**regularizer, "lambda": strength}
    return Draft({**body, "regularizers": (regularizer,)}, raw, **origin)


def _shorthand_fault(raw: Body) -> Found | None:
    named, strength = raw.get("regularizer"), raw.get("lambda")
    if "regularizers" in raw:
        extra = "regularizer" if named is not None else "lambda"
        return (extra,), (
            f'"{extra}" is shorthand for a list of one, and "regularizers" is the list; '
            f'keep one of them, e.g. "regularizers": [{{"kind": "l2", "lambda": 0.01}}]'
        )
    if named is None:
        return ("lambda",), (
            f"lambda {shown(strength)} is the strength of a regularizer, and none is named; "
            f'add "regularizer": "l2", or another'
        )
    if isinstance(named, tuple):
        return ("regularizer",), '"regularizer" names one; a list of them is "regularizers"'
    if strength is not None and isinstance(named, Mapping) and "lambda" in named:
        return ("lambda",), "lambda is given twice, here and inside regularizer; keep one"
    return None


def _in_shorthand(path: Path, raw: Body) -> Path:
    """A place in the list of regularizers, in the terms of `regularizer` and `lambda`."""
    if path[:1] != ("regularizers",) or raw.get("regularizer") is None:
        return path
    inside = path[2:]
    if inside[:1] == ("lambda",) and raw.get("lambda") is not None:
        return inside
    return ("regularizer", *inside)
