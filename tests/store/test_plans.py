"""With 10,000 queued jobs the hot queries read an index in its order: no scan, no sort."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event, text

from core.store import cohorts, events, jobs, runs

JOBS = 10_000
INSERTS = {
    "jobs": "INSERT INTO jobs (id, name, status, wanted, version, last_seq, rank, device,"
    " created_at, runs_total, runs_done, epochs_total, epochs_done, planned, planner_attempts,"
    " facts, document) VALUES (:id, :name, 'queued', 'run', 1, 0, 4, 'auto', :at, 1, 0, 1, 0,"
    " :planned, 0, '{}', '{}')",
    "cohorts": "INSERT INTO cohorts (id, job_id, ordinal, status, rank, device, fence, attempts,"
    " rows, epochs, epochs_done, parameters, memory_bytes) VALUES (:id, :id, 0, 'queued', 4,"
    " 'auto', 0, 0, 1, 1, 0, 0, 0)",
    "runs": "INSERT INTO runs (id, job_id, ordinal, arm, setting, seed, epochs, status, metrics,"
    " final, cohort_id, row) VALUES (:id, :id, 0, 'base', '{}', 0, 1, 'queued', '{}', '{}',"
    " :id, 0)",
}


@pytest.fixture
def crowded(database):
    rows = [
        {
            "id": f"x_{i:06d}",
            "name": f"n{i % 50}",
            "at": f"2026-01-01 00:{i // 600:02d}:{i // 10 % 60:02d}.{i % 10:06d}",
            "planned": i % 2 == 0,
        }
        for i in range(JOBS)
    ]
    with database.write() as session:
        for statement in INSERTS.values():
            session.execute(text(_dated(database, statement)), rows)
    if not _is_sqlite(database):  # PostgreSQL analyses by itself; SQLite never does, nor do we
        with database.write() as session:
            session.execute(text("ANALYZE"))
    return database


def _dated(database, statement):
    if database.engine.dialect.name == "sqlite":
        return statement
    return statement.replace(":at", "CAST(:at AS timestamptz)")


def plan_of(database, act):
    """The plans of the statements that `act` executes, as text."""
    plans, prefix = [], "EXPLAIN QUERY PLAN " if _is_sqlite(database) else "EXPLAIN "
    explaining = False

    def explain(connection, _cursor, statement, parameters, *_):
        nonlocal explaining
        if explaining or not re.match(r"SELECT|UPDATE|DELETE", statement):
            return
        explaining = True
        rows = connection.exec_driver_sql(prefix + statement, parameters).all()
        plans.append("\n".join(str(row[-1]) for row in rows))
        explaining = False

    event.listen(database.engine, "before_cursor_execute", explain)
    with database.write() as session:
        act(session)
    event.remove(database.engine, "before_cursor_execute", explain)
    assert plans
    return "\n".join(plans)


def _is_sqlite(database):
    return database.engine.dialect.name == "sqlite"


@pytest.mark.parametrize(
    ("act", "index"),
    [
        (lambda s: jobs.list_jobs(s), "ix_jobs_created_at_id"),
        (lambda s: jobs.list_jobs(s, status="queued"), "ix_jobs_(status_)?created_at_id"),
        (lambda s: jobs.list_jobs(s, name="n7", limit=5), "ix_jobs_name_created_at_id"),
        (
            lambda s: jobs.claim_planning(s, "w", 30),
            "ix_jobs_planned_wanted_rank_id",
        ),
        (
            lambda s: cohorts.claim_next(s, "w", ["auto", "cpu"], 30),
            "ix_cohorts_status_rank_job_id_ordinal",
        ),
        (lambda s: cohorts.sweep_expired(s), "ix_cohorts_status"),
        (lambda s: runs.of_job(s, "x_000007"), "runs_job_id_ordinal|autoindex_runs"),
        (lambda s: events.read_after(s, "x_000007", 3), "events"),
    ],
)
def test_a_hot_query_reads_its_index(crowded, act, index):
    plan = plan_of(crowded, act)
    assert re.search(index, plan)
    assert "Seq Scan" not in plan.replace("Seq Scan on events", "")  # events are empty here
    assert not re.search(r"\bSCAN \w+$", plan, re.MULTILINE)
    assert "USE TEMP B-TREE" not in plan


def test_a_later_page_is_found_by_its_key(crowded):
    with crowded.read() as session:
        page = jobs.list_jobs(session, limit=100)
    after = (page[-1].created_at, page[-1].id)
    plan = plan_of(crowded, lambda session: jobs.list_jobs(session, limit=100, after=after))
    assert "ix_jobs_created_at_id" in plan
    assert "Sort" not in plan
    assert "USE TEMP B-TREE" not in plan
