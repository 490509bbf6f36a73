from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from core.errors import Unavailable
from core.store.listener import Listener

PATIENCE_S = 30.0
HOUR_S = 3600.0


class Heard:
    """Counts; waits until there were so many."""

    def __init__(self):
        self.count, self._changed = 0, threading.Condition()

    def __call__(self):
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def at_least(self, count):
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, PATIENCE_S)


@pytest.fixture
def listening():
    made = []

    def listening(open, poll_s):
        heard = Heard()
        made.append(Listener(open, heard, poll_s=poll_s))
        made[-1].start()
        assert heard.at_least(1), "it never began to listen"
        return heard

    yield listening
    for listener in made:
        listener.stop()
        assert not listener._thread.is_alive()


def test_a_ring_wakes_it_long_before_it_would_look(database, insert, listening):
    heard = listening(lambda: database.ear("work"), HOUR_S)
    insert(1)
    assert heard.at_least(2)


class Deafened:
    """A real ear whose rings are all lost."""

    def __init__(self, ear):
        self._ear, self.lag_s, self.fileno = ear, 0.0, lambda: None
        self.mark, self.close, self.looked = ear.mark, ear.close, 0

    def take(self):
        self._ear.take()
        return False


def test_a_lost_ring_is_made_good_by_a_look(database, insert, listening):
    heard = listening(lambda: Deafened(database.ear("work")), 0.02)
    insert(1)
    assert heard.at_least(2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_looks_at_a_database_that_does_not_change_tell_nobody(database, insert, listening):
    insert(1)
    looks = Heard()

    def open():
        ear = database.ear("work")
        mark = ear.mark
        ear.mark = lambda: (looks(), mark())[1]
        return ear

    heard = listening(open, 0.01)
    assert looks.at_least(20)
    assert heard.count == 1


def test_it_listens_again_when_the_database_is_back_and_then_tells_at_once(
    database, listening, monkeypatch
):
    monkeypatch.setattr("core.store.listener.AWAY_S", 0.01)
    away, opened = [True, True, True], Heard()

    def open():
        opened()
        if away:
            away.pop()
            raise Unavailable("The database is away.")
        return database.ear("news")

    heard = listening(open, HOUR_S)
    assert (opened.count, heard.count) == (4, 1)


def test_a_failing_ear_is_replaced_and_what_was_missed_is_told(
    database, insert, listening, monkeypatch
):
    monkeypatch.setattr("core.store.listener.AWAY_S", 0.01)
    opened = []

    def open():
        opened.append(database.ear("work"))
        if len(opened) == 1:
            opened[0].take = lambda: (_ for _ in ()).throw(Unavailable("It is gone."))
        return opened[-1]

    heard = listening(open, HOUR_S)
    insert(1)
    assert heard.at_least(2)
    insert(1)
    assert heard.at_least(3)


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_it_hears_again_after_a_server_has_ended_its_connection(
    database, insert, listening, monkeypatch
):
    monkeypatch.setattr("core.store.listener.AWAY_S", 0.01)
    heard = listening(lambda: database.ear("work"), HOUR_S)
    with database.write() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert heard.at_least(2), "it tells of what may have happened meanwhile"
    insert(1)
    assert heard.at_least(3)


def test_one_that_was_never_started_can_be_stopped(database):
    Listener(lambda: database.ear("work"), Heard(), poll_s=HOUR_S).stop()
