"""The contract of plug-ins: kinds, shorthands, documentation, structure, knobs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Annotated, Any, get_args

import pytest
from pydantic import ValidationError, create_model

import core.datasets
import core.plan
import core.search  # noqa: F401  # imported families exist
from core.architectures import Architecture
from core.layers import Layer
from core.term import Knob, Term, Wire, structure

FAMILIES = {family.family: family for family in Term.__subclasses__()}
MEMBERS = {
    f"{family}/{kind}": member
    for family, base in FAMILIES.items()
    for kind, member in base.members().items()
}
OTHERS: dict[str, dict[str, Any]] = {
    "dataset/builtin": {"name": "digits"},
    "dataset/upload": {"id": "ds_01jz0000000000000000000000"},
}


def needed() -> dict[str, dict[str, Any]]:
    """Fields without a default, as a member's first example has them."""
    found = dict(OTHERS)
    for name, member in MEMBERS.items():
        if issubclass(member, Layer | Architecture):
            body = member.examples()[0].body
            fields = {f for f, info in member.model_fields.items() if info.is_required()}
            found |= {name: {f: body[f] for f in fields}} if fields else {}
    return found


NEEDED = needed()
HOLDERS = {
    name: create_model(f"Holder_{name}", __base__=Wire, term=(base, ...))
    for name, base in FAMILIES.items()
}
# Values to try a field with; the first that is valid and differs from the field's own is used.
CANDIDATES: tuple[Any, ...] = (
    *(True, False, 0.25, 0.75, 2, 3, 100, "val_loss", "iris", "tanh", "other", "ds_other"),
    *((3, 4), ({"kind": "dense", "units": 4},), (0.5, 2.0), "balanced", None),
)
SUMMARY_MAX = 100


@pytest.fixture(params=MEMBERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def member(name: str) -> type[Term]:
    return MEMBERS[name]


@pytest.fixture
def body(name: str, member: type[Term]) -> dict[str, Any]:
    return {"kind": member.wire_kind(), **NEEDED.get(name, {})}


def taken(family: str, body: Any, **options: Any) -> Term:
    return HOLDERS[family].model_validate({"term": body}, **options).term


def test_the_families_are_all_there():
    assert {"architecture", "dataset", "layer", "loss", "metric", "optimizer"} < FAMILIES.keys()
    assert all(family.members() for family in FAMILIES.values())


def test_a_member_is_chosen_by_its_kind_and_keeps_its_fields(name, member, body):
    family = name.partition("/")[0]
    term = taken(family, body)
    assert type(term) is member
    written = json.loads(HOLDERS[family](term=term).model_dump_json())
    assert taken(family, written["term"]) == term


def test_a_bare_name_stands_for_a_kind_that_needs_nothing_more(name, member):
    family = name.partition("/")[0]
    if family != "dataset" and name not in NEEDED:  # datasets know shorthands of their own
        assert taken(family, member.wire_kind()) == member()


def test_unknown_kinds_and_fields_are_refused(name, member, body):
    family = name.partition("/")[0]
    for wrong in ({**body, "kind": "other"}, {**body, "surprise": 1}, {"kind": None}, 3, None):
        with pytest.raises(ValidationError):
            taken(family, wrong)


def test_the_json_schema_of_a_family_names_every_kind():
    for name, holder in HOLDERS.items():
        schema = json.dumps(holder.model_json_schema())
        assert all(f'"{kind}"' in schema for kind in FAMILIES[name].members())


def test_documentation_has_a_summary_that_is_one_sentence_for_people(member):
    summary = member.documentation()["summary"]
    assert summary.endswith(".")
    assert summary[0].isupper() or summary[0] == "`", "a capital, or the name of a field"
    assert len(summary) <= SUMMARY_MAX


def test_mathematics_is_documented_with_its_formula(name, member):
    family = name.partition("/")[0]
    documented = member.documentation()
    if family in ("loss", "metric", "optimizer", "regularizer", "schedule"):
        assert documented.get("formula")
    if family in ("loss", "metric", "optimizer", "regularizer", "layer"):
        assert documented.get("reference")
    if family in ("loss", "regularizer", "optimizer"):
        assert documented.get("convention"), "which factor, which exemption, which default"


def test_no_documentation_is_lost_between_named_paragraphs(member):
    words = sum(len(text.split()) for text in member.documentation().values())
    heads = sum(1 for part in member.documentation() if part not in ("summary", "description"))
    assert words + heads == len((member.__doc__ or "").split())


@pytest.mark.parametrize("kind", [n for n in MEMBERS if n.startswith("regularizer/")])
def test_the_convention_of_a_penalty_is_the_one_that_the_catalogue_states(kind):
    documented = MEMBERS[kind].documentation()
    if "lam" in MEMBERS[kind].model_fields:
        assert "lambda" in documented["formula"]


FIXED = {("schedule/one_cycle", "warmup_epochs")}  # it rises by itself: only 0 is taken


def fields() -> list[Any]:
    """Every field of every member, but its kind."""
    return [
        pytest.param(name, field, id=f"{name}/{field}")
        for name, member in MEMBERS.items()
        for field in member.model_fields
        if field != "kind" and (name, field) not in FIXED
    ]


def varied(name: str, field: str) -> tuple[Term, Term]:
    """A term, and the same with another value in that field."""
    member = MEMBERS[name]
    body = {**NEEDED.get(name, {}), **({"momentum": 0.9} if name == "optimizer/sgd" else {})}
    term = member(**body)
    literals = get_args(member.model_fields[field].annotation)
    for value in (
        *literals,
        *({"kind": k} for k in FAMILIES["regularizer"].members()),
        *CANDIDATES,
    ):
        for given in (value, (value,)):
            try:
                other = member(**{**body, field: given})
            except ValidationError:
                continue
            if getattr(other, field) != getattr(term, field):
                return term, other
    raise LookupError(f"no other value is known for {field} of {name}")


@pytest.mark.parametrize(("name", "field"), fields())
def test_terms_share_a_structure_if_and_only_if_they_differ_in_free_knobs(name, field):
    term, other = varied(name, field)
    knob = MEMBERS[name].knobs().get(field)
    free = field == "regularizers" or (knob is not None and not knob.structural)
    assert (structure(term) == structure(other)) is free
    assert hash(structure(term)) == hash(structure(term.model_copy()))


def test_two_kinds_never_share_a_structure():
    made = [structure(member(**NEEDED.get(name, {}))) for name, member in MEMBERS.items()]
    in_family = [(name.partition("/")[0], shape) for name, shape in zip(MEMBERS, made, strict=True)]
    assert len(set(in_family)) == len(in_family)


def test_knobs_are_found_by_their_python_names(member):
    for field, knob in member.knobs().items():
        assert isinstance(knob, Knob)
        assert field in member.model_fields
        assert member.wire_name(field) == {"lam": "lambda"}.get(field, field)


def test_the_default_and_the_neutral_value_of_a_knob_are_within_its_bounds(member):
    for field, knob in member.knobs().items():
        info = member.model_fields[field]
        for value in (None if info.is_required() else info.default, knob.neutral):
            if value is not None:
                assert knob.ge is None or value >= knob.ge
                assert knob.gt is None or value > knob.gt
                assert knob.lt is None or value < knob.lt
                assert knob.le is None or value <= knob.le or value == knob.neutral


def test_a_member_is_frozen(member, body):
    term = member(**body)
    with pytest.raises(ValidationError, match="frozen"):
        term.kind = "other"


def test_the_catalogue_is_read_without_torch_or_scikit_learn():
    program = (
        "import sys, core.plan, core.spec, core.search, core.term as t\n"
        "names = [k for f in t.Term.__subclasses__() for k in f.members()]\n"
        "assert len(names) > 30\n"
        "heavy = {'torch', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_field_may_hold_a_family_in_a_tuple_or_an_annotation():
    base = FAMILIES["regularizer"]
    holder = create_model(
        "Several", __base__=Wire, terms=(tuple[base, ...], ()), one=(Annotated[base, "x"], ...)
    )
    made = holder.model_validate({"terms": ["l1", {"kind": "l2"}], "one": "dropout"})
    assert [term.kind for term in (*made.terms, made.one)] == ["l1", "l2", "dropout"]
