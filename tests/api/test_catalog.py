from __future__ import annotations

import pytest

from api.catalog import FAMILIES, catalog
from api.schemas.catalog import CatalogEntry
from tests.api.conftest import Service

ENTRIES = [entry for entries in catalog().families.values() for entry in entries]
BY_FAMILY = {family.family: family for family in FAMILIES}


def name_of(entry: CatalogEntry) -> str:
    return f"{entry.family}/{entry.kind}"


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_every_entry_says_what_it_does_and_its_example_works(entry: CatalogEntry) -> None:
    assert entry.summary.endswith((".", ":")) or len(entry.summary) > 10
    assert entry.parameters["type"] == "object"
    if entry.example is not None:
        BY_FAMILY[entry.family].members()[entry.kind].model_validate(entry.example)


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_losses_regularizers_and_metrics_state_their_formula(entry: CatalogEntry) -> None:
    if entry.family in ("loss", "regularizer", "metric"):
        assert entry.formula
        assert entry.works_with or entry.family == "regularizer"


def test_every_member_of_every_family_is_listed(service: Service) -> None:
    families = service.client.get("/v1/catalog").json()["families"]

    assert {name: [entry["kind"] for entry in entries] for name, entries in families.items()} == {
        family.family: list(family.members()) for family in FAMILIES
    }


def test_knobs_say_their_bounds_and_which_way_is_simpler(service: Service) -> None:
    entry = service.client.get("/v1/catalog/regularizer/l1").json()

    (knob,) = entry["knobs"]
    assert knob == {
        "name": "lambda", "integer": False, "ge": 0, "gt": None, "le": None, "lt": None,
        "default": 0.01, "neutral": 0, "simpler": "high", "structural": False,
    }  # fmt: skip
    assert "sgd" in entry["works_with"]["optimizer"]
    assert entry["links"]["self"] == "/v1/catalog/regularizer/l1"


def test_a_family_is_listed_alone(service: Service) -> None:
    everything = service.client.get("/v1/catalog").json()["families"]

    found = service.client.get("/v1/catalog/optimizer").json()

    assert found == {
        "object": "list", "data": everything["optimizer"], "has_more": False, "next": None
    }  # fmt: skip


@pytest.mark.parametrize("path", ["odd", "odd/l1", "regularizer/odd", "regularizer/" + "x" * 99])
def test_an_unknown_entry_is_a_404_that_says_what_there_is(service: Service, path: str) -> None:
    answer = service.client.get(f"/v1/catalog/{path}")

    assert answer.status_code == 404
    assert "there is" in answer.json()["detail"]
