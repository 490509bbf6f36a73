"""The catalogue of everything that a job may name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api import catalog
from api.openapi import problems
from api.schemas.catalog import Catalog, CatalogEntry, CatalogPage

router = APIRouter(prefix="/v1/catalog", tags=["catalog"])
Family = Annotated[str, Path(description="What it is one of.", max_length=100)]


@router.get("", responses=problems())
def get_catalog() -> Catalog:
    """List every architecture, layer, loss, regularizer, optimizer, schedule, metric, source."""
    return catalog.catalog()


@router.get("/{family}", responses=problems(404))
def get_family(family: Family) -> CatalogPage:
    """List the kinds of one family."""
    return CatalogPage(data=catalog.family_of(family), has_more=False, next=None)


@router.get("/{family}/{kind}", responses=problems(404))
def get_entry(
    family: Family,
    kind: Annotated[str, Path(description="Its name on the wire.", max_length=100)],
) -> CatalogEntry:
    """Read what one of them does, by which convention, and how to ask for it."""
    return catalog.entry_of(family, kind)
