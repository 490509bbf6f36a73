from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from core.errors import InvalidSpec
from core.store import idempotency
from tests.waiting import PATIENCE_S


def test_a_key_answers_again_what_it_answered_first(database):
    with database.write() as session:
        assert idempotency.reserve(session, "k", "body") is None
        idempotency.keep(session, "k", status=201, body="{}", headers={"location": "/v1/jobs/x"})
    with database.write() as session:
        replay = idempotency.reserve(session, "k", "body")
    assert replay == idempotency.Replay(201, "{}", {"location": "/v1/jobs/x"})


def test_an_answer_is_found_without_taking_the_key(database):
    with database.read() as session:
        assert idempotency.find(session, "k", "body") is None
    with database.write() as session:
        idempotency.reserve(session, "k", "body")
        idempotency.keep(session, "k", status=201, body="{}")
    with database.read() as session:
        assert idempotency.find(session, "k", "body") == idempotency.Replay(201, "{}", {})
        assert idempotency.find(session, "k", "body", ttl_s=-60) is None
        with pytest.raises(InvalidSpec, match="another body"):
            idempotency.find(session, "k", "other")


def test_a_key_with_another_body_is_refused(database):
    with database.write() as session:
        idempotency.reserve(session, "k", "body")
        idempotency.keep(session, "k", status=201, body="{}")
    with pytest.raises(InvalidSpec, match="another body"), database.write() as session:
        idempotency.reserve(session, "k", "other")


def test_a_request_that_failed_leaves_its_key_free(database):
    def fails():
        with database.write() as session:
            idempotency.reserve(session, "k", "body")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with database.write() as session:
        assert idempotency.reserve(session, "k", "other") is None
        idempotency.keep(session, "k", status=201, body="{}")


def test_a_key_is_free_again_after_a_day(database):
    with database.write() as session:
        idempotency.reserve(session, "k", "body")
        idempotency.keep(session, "k", status=201, body="{}")
        session.execute(text("UPDATE idempotency SET created_at = '2020-01-01 00:00:00.000000'"))
    with database.write() as session:
        assert idempotency.reserve(session, "k", "other") is None
        idempotency.keep(session, "k", status=201, body="{}")
        idempotency.prune(session)
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM idempotency")).scalar_one() == 1


def test_of_many_at_once_one_does_the_work(database):
    done, replays = [], []

    def post(i):
        with database.write() as session:
            replay = idempotency.reserve(session, "k", "body")
            if replay is None:
                done.append(i)
                idempotency.keep(session, "k", status=201, body=str(i))
            else:
                replays.append(replay.body)

    threads = [threading.Thread(target=post, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(done) == 1
    assert replays == [str(done[0])] * 19
