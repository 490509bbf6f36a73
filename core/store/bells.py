"""Bells: how processes on one database hear of each other's commits without asking again and again.

Whoever changes rows that others wait for owes them a ring by topic; `Database.write` rings when
it commits. The rows are the truth: a ring may be lost, doubled or late, so who listens also looks
at the database's `mark` now and then, which costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol

from sqlalchemy.orm import Session

Topic = Literal["work", "news"]  # for workers: there may be something to do; of any job's version

_OWED = "occam_rings"


class Ear(Protocol):
    """What hears one topic. For one thread: SQLite's connections are bound to theirs.

    Everything here raises Unavailable or OSError when it cannot hear any more.
    """

    lag_s: float  # how long a ring may take; 0 where it wakes whoever waits for `fileno`

    def fileno(self) -> int | None:
        """What becomes readable when it rings; None where nothing rings."""

    def take(self) -> bool:
        """Whether it rang since the last time; never waits."""

    def mark(self) -> object:
        """Differs from the last one if anybody has committed anything since, perhaps also else."""

    def close(self) -> None:
        """Listen no more."""


class Bells(Protocol):
    """How one kind of database rings."""

    def before_commit(self, session: Session, topics: Collection[Topic]) -> None:
        """In the transaction that owes the rings."""

    def after_commit(self, topics: Collection[Topic]) -> None:
        """When it is committed. Never raises: a lost ring costs time only."""

    def ear(self, topic: Topic) -> Ear:
        """Listen from now on. Raises Unavailable."""


def owe(session: Session, topic: Topic) -> None:
    """Ring when this transaction commits."""
    session.info.setdefault(_OWED, set()).add(topic)


def owed(session: Session) -> Collection[Topic]:
    """The topics to ring for."""
    topics: set[Topic] = session.info.get(_OWED, set())
    return topics
