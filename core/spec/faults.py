"""From pydantic's errors to sentences that name the value, the reason and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from core.datasets import DatasetSource
from core.datasets.builtin import Builtin
from core.search import Search
from core.spec.arms import Found
from core.spec.elsewhere import way_there
from core.spec.experiment import is_range, wire_names
from core.spec.place import Loc, Place, aligned, place_of
from core.spec.pointer import Path, shown, value_at
from core.term import Term, Wire

Mistake = Mapping[str, Any]  # one of pydantic's error dictionaries; Any: their input and context

MISTAKES_MAX = 200  # of one validation; more help nobody, and comparing them is quadratic
EXACT_MAX = 10**9  # a bound below it reads better with all its digits
PLANNED_SEARCHES = ("tpe", "halving")
RANGE_EXAMPLE = '{"log_range": [1e-05, 0.1], "num": 8}'
COUNTS_EXAMPLE = '{"values": [16, 32, 64]}'
BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
NOUNS = {
    "JobSpec": "a job",
    "Experiment": "an arm",
    "UploadSpec": "an upload",
    "TextSpec": "an upload of texts",
    "InteractionsSpec": "an upload of interactions",
    "ImagesSpec": "an upload of images",
    "ReportRequest": "a report",
    "PredictionRequest": "a prediction",
    "Arm": "an arm",
    "LinearRange": "a range",
    "LogRange": "a log_range",
}
FORMS = {
    "Split": '{"validation": 0.2, "by": "rows"}',
    "Select": '{"metric": "val_loss", "rule": "1se"}',
    "Image": '{"height": 28, "width": 28}',
}
LISTS = ("tuple_type", "list_type")
TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
}


def explain(error: ValidationError, root: type[Wire], body: Any) -> Iterator[Found]:
    """(place in the body, sentence) of each mistake. Any: JSON."""
    for mistake in _merged(_without_echoes(error.errors(include_url=False)[:MISTAKES_MAX])):
        path = aligned(mistake["loc"], body, missing=mistake["type"] == "missing")
        sentence = _sentence(mistake, path, place_of(root, path, body))
        if mistake["type"].startswith("union_tag") and isinstance(value_at(body, path), Mapping):
            path = _at_tag(path, value_at(body, path))
        yield path, sentence


def sentence(mistake: Mistake, name: str) -> str:
    """What is wrong with a value that stands alone under a name, such as a query parameter."""
    return _sentence(mistake, (name,), Place(None, None))


def unknown(name: object, known: Iterable[str], what: str, of: str) -> str:
    """`"l3" is not a kind of regularizer; did you mean "l1"? The kinds are …`"""
    names = sorted(known)
    close = get_close_matches(str(name)[:80], names, n=1)
    if close:
        guess = f'did you mean "{close[0]}"?'
        return f"{shown(name)} is not {what}; {guess} {of.capitalize()} {_listed(names)}"
    return f"{shown(name)} is not {what}; {of} {_listed(names)}"


def _sentence(mistake: Mistake, path: Path, place: Place) -> str:
    kind = mistake["type"]
    name = next((token for token in reversed(path) if isinstance(token, str)), "the body")
    if kind in BOUNDS:
        words, bound = BOUNDS[kind]
        limit = mistake["ctx"][bound]
        return f"{name} should be {words} {_plain(limit)}, not {shown(mistake['input'])}"
    if kind in TYPES:
        return _wrong_type(mistake, name)
    write = SENTENCES.get(kind)
    return write(mistake, path, place, name) if write else _in_its_words(mistake, name)


def _missing(mistake: Mistake, path: Path, place: Place, name: str) -> str:
    if isinstance(mistake["loc"][-1], int):
        return f"{name} is a list of two numbers, not {shown(mistake['input'])}"
    if place.family:
        return f'"{name}" is missing; {_kinds(place.family)}'
    needs = f"; {_noun(place.owner)} needs it" if place.owner else ""
    return f'"{name}" is missing{needs}'


def _extra(mistake: Mistake, path: Path, place: Place, name: str) -> str:
    fields = [*wire_names(place.owner)] if place.owner else []
    if "regularizers" in fields and "loss" in fields:
        fields += ["regularizer", "lambda"]
    what = f"a field of {_noun(place.owner)}"
    there = way_there(place.owner, name, place.siblings) if place.owner else None
    return (
        f"{shown(name)} is not {what}; {there}"
        if there
        else unknown(name, fields, what, "its fields are")
    )


def _wrong_kind(mistake: Mistake, path: Path, place: Place, name: str) -> str:
    assert place.family, f"no family at {path}"
    given = mistake["input"]
    full = place.family.expand(given)
    tag = full["kind"] if isinstance(full, Mapping) else given
    if place.family is Search and tag in PLANNED_SEARCHES:
        return f'search "{tag}" is not yet available; use "grid" or "random"'
    noun = place.family.family
    return unknown(tag, place.family.members(), f"a kind of {noun}", "the kinds are")


def _no_kind(mistake: Mistake, path: Path, place: Place, name: str) -> str:
    assert place.family, f"no family at {path}"
    given, noun, key = mistake["input"], place.family.family, _tag_of(place.family)
    if isinstance(given, Mapping):
        return f'this {noun} does not say its "{key}"; {_kinds(place.family)}'
    form = f'an object with a "{key}", or its name alone'
    return f"{_a(noun)} {noun} is {form}, not {shown(given)}; {_kinds(place.family)}"


def _wrong_literal(mistake: Mistake, path: Path, place: Place, name: str) -> str:
    if place.family is DatasetSource or (place.owner is Builtin and name == "name"):
        return _no_dataset(mistake)
    known = _words(mistake)
    more = " or a number" if "full" in mistake["loc"] else ""
    return unknown(mistake["input"], known, f"{_a(name)} {name}", "it is one of") + more


def _no_dataset(mistake: Mistake) -> str:
    generated = [kind for kind in DatasetSource.members() if kind not in ("builtin", "upload")]
    built_in = unknown(mistake["input"], _words(mistake), "a built-in dataset", "there are")
    return (
        f"{built_in}; generated are {_listed(generated)}; your own file you send to "
        f'POST /v1/datasets, and then name by its id, "ds_…"'
    )


def _wrong_length(mistake: Mistake, path: Path, place: Place, name: str) -> str:
    context, given = mistake["ctx"], mistake["input"]
    of = " characters" if isinstance(given, str) else ""
    least, most = context.get("min_length"), context.get("max_length")
    if least == 1:
        return f"{name} should not be empty"
    bound = f"at most {most}" if least is None else f"at least {least}"
    return f"{name} should hold {bound}{of}, not {len(given)}"


def _wrong_pattern(mistake: Mistake, path: Path, place: Place, name: str) -> str:
    return f"{name} {shown(mistake['input'])} should look like {mistake['ctx']['pattern']}"


SENTENCES: dict[str, Callable[[Mistake, Path, Place, str], str]] = {
    "missing": _missing,
    "extra_forbidden": _extra,
    "union_tag_invalid": _wrong_kind,
    "union_tag_not_found": _no_kind,
    "literal_error": _wrong_literal,
    "too_short": _wrong_length,
    "too_long": _wrong_length,
    "string_too_short": _wrong_length,
    "string_too_long": _wrong_length,
    "string_pattern_mismatch": _wrong_pattern,
}


def _wrong_type(mistake: Mistake, name: str) -> str:
    given, loc = mistake["input"], mistake["loc"]
    if is_range(given):
        return (
            f"{name} is {shown(given)}, and a range cannot stand here: {name} is one constant; "
            f'to compare several, give "compare" one arm for each'
        )
    example = ""
    if loc[-1:] == ("number",):  # the branch of a knob that is not a range
        numbers = COUNTS_EXAMPLE if mistake["type"].startswith("int") else RANGE_EXAMPLE
        example = f", or a range such as {numbers}"
    words = "".join(f' or "{word}"' for word in mistake.get("words", ()))
    types = " or ".join(TYPES[kind] for kind in mistake.get("types", [mistake["type"]]))
    return f"{name} should be {types}{words}{example}, not {shown(given)}{_for_example(mistake)}"


def _for_example(mistake: Mistake) -> str:
    """The right form of what was given in a wrong one."""
    given, kind = mistake["input"], mistake["type"]
    if kind in LISTS and isinstance(given, (str, int, float)) and not isinstance(given, bool):
        range_of_two = mistake["loc"][-1:] in (("range",), ("log_range",))
        return "; e.g. [0.001, 0.1]" if range_of_two else f"; e.g. {shown([given])}"
    example = FORMS.get(mistake.get("ctx", {}).get("class_name", ""))
    return f"; e.g. {example}" if example else ""


def _in_its_words(mistake: Mistake, name: str) -> str:
    """A sentence that a validator of ours wrote, or pydantic's own for a rare mistake."""
    words: str = mistake["msg"].removeprefix("Value error, ")
    if words.startswith("Input should be"):
        return f"{name} {words.removeprefix('Input ')}, not {shown(mistake['input'])}"
    return words


def _without_echoes(mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    """Leave out what only repeats another mistake.

    A list whose items are wrong also counts as short. Of a union of some words and something else,
    pydantic reports both halves: the words are then told with what is wrong with the rest.
    """
    kept = list(mistakes)
    for mistake in kept:
        loc: Loc = mistake["loc"]
        if mistake["type"] == "too_short" and any(_inside(loc, other["loc"]) for other in kept):
            continue
        if not _is_word(loc):
            words = [m for m in kept if _is_word(m["loc"]) and m["loc"][:-1] == loc[:-1]]
            yield {**mistake, "words": _words(words[0])} if words else mistake
        elif not any(_inside(loc[:-1], m["loc"]) and not _is_word(m["loc"]) for m in kept):
            yield mistake


def _merged(mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    """One mistake for a value that is none of several plain types: `a text or a whole number`."""
    kept = list(mistakes)
    branches = [m for m in kept if m["type"] in TYPES and str(m["loc"][-1:]).count("constrained-")]
    for mistake in kept:
        others = [m for m in branches if m["loc"][:-1] == mistake["loc"][:-1]]
        if mistake not in others:
            yield mistake
        elif mistake is others[0]:
            yield {**mistake, "types": list(dict.fromkeys(m["type"] for m in others))}


def _is_word(loc: Loc) -> bool:
    return bool(loc) and str(loc[-1]).startswith("literal[")


def _inside(outer: Loc, inner: Loc) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _words(mistake: Mistake) -> list[str]:
    return re.findall(r"'([^']*)'", mistake["ctx"]["expected"])


def _at_tag(path: Path, given: Mapping[str, Any]) -> Path:
    """The `kind` (of a search: `method`) itself, where the object has one."""
    return next(((*path, key) for key in ("method", "kind") if key in given), path)


def _tag_of(family: type[Term]) -> str:
    return "method" if family is Search else "kind"


def _kinds(family: type[Term]) -> str:
    return f"the kinds are {_listed(family.members())}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _noun(owner: type[Wire] | None) -> str:
    if owner is None:
        return "this object"
    if issubclass(owner, Term):
        return owner.wire_kind() if owner.is_member() else owner.family
    return NOUNS.get(owner.__name__, owner.__name__.lower())


def _a(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _plain(number: Any) -> str:  # Any: int or float
    if isinstance(number, float) and number.is_integer() and abs(number) < EXACT_MAX:
        return str(int(number))
    return f"{number:g}" if isinstance(number, float) else str(number)
