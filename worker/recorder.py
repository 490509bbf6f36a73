"""From messages to rows: everything that an attempt leaves behind passes through here.

Messages are taken as they come and written in batches, one transaction each. A transaction names
the fence, so a worker that lost its cohort writes nothing. What could not be written because the
database was away stays and is written next time; an epoch that is written is not written again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy.orm import Session

from core.store import checkpoints, cohorts, events, runs
from core.store.checkpoints import Kind
from core.store.cohorts import ClaimedCohort
from core.store.halving import halve
from core.store.runs import RunUpdate
from core.store.session import Database
from core.store.states import Reason, Status, is_final, problem
from worker.tally import Tally

Message = Mapping[str, Any]  # Any: JSON

FLUSH_EVERY_S = 0.2  # so never more than five transactions a second for a cohort
SUMMARY_EVERY_S = 2.0  # the runs' last and best values lag by this much, until the end

_ENDINGS = {
    "early_stopped": "Run {run} stopped early after epoch {epoch}.",
    "diverged": "Run {run} diverged in epoch {epoch}: its numbers are not finite any more.",
}


class Recorder:
    """The record of one cohort under one fence. What writes raises StaleFence and Unavailable.

    remove: takes the keys of artifacts that no row names any more, after the commit.
    """

    def __init__(
        self,
        database: Database,
        cohort: ClaimedCohort,
        *,
        remove: Callable[[Sequence[str]], None],
        checkpoints_kept: int = 2,
        attempts_max: int = 3,
    ) -> None:
        self._database, self._cohort, self._remove = database, cohort, remove
        self._kept, self._attempts_max = checkpoints_kept, attempts_max
        self._held = (cohort.id, cohort.fence)
        self._notes: list[Message] = []
        self._checkpoints: list[Message] = []
        self._flushed = self._summed = float("-inf")
        with database.read() as session:
            self._tally = Tally.load(session, cohort)

    def take(self, message: Message) -> None:
        """Remember a message for the next flush."""
        match message["event"]:
            case "epoch":
                self._tally.add(message)
            case "ended":
                self._tally.end(message["row"], message["epoch"], message["reason"])
            case "checkpoint":
                self._checkpoints.append(message)
            case "note":
                self._notes.append({"event": message["word"], "message": message["message"]})

    def forget(self) -> None:
        """Let go of what is not written: it cannot be."""
        self._tally.settle(scores=True)
        self._notes, self._checkpoints = [], []

    def due_in(self) -> float:
        """Seconds until a flush is due; infinite while there is nothing to write."""
        if not (self._tally.is_fresh() or self._notes or self._checkpoints):
            return float("inf")
        return max(0.0, self._flushed + FLUSH_EVERY_S - time.monotonic())

    def flush(self) -> Status:
        """Write what was taken."""
        scores = time.monotonic() - self._summed >= SUMMARY_EVERY_S
        return self._write(lambda session: "running", scores=scores)

    def release(self, why: str) -> Status:
        """Give the cohort back, the attempt not counted; returns where it waits."""
        return self._write(lambda session: cohorts.release(session, *self._held, why))

    def cancel(self) -> Status:
        """End the cohort as cancelled."""

        def act(session: Session) -> Status:
            cohorts.finish(session, *self._held, "cancelled")
            return "cancelled"

        return self._write(act)

    def fail(self, reason: Reason, detail: str, *, retry: bool) -> Status:
        """End the attempt: queued again while attempts are left, else failed."""
        limit = self._attempts_max
        return self._write(
            lambda session: cohorts.fail_attempt(
                session, *self._held, reason, detail, attempts_max=limit, retry=retry
            )
        )

    def can_halve(self) -> bool:
        """Whether the cohort may become two: it has several runs, and nothing is recorded.

        A checkpoint may be there before the first logged epoch; it holds all rows, so none of
        the halves could resume from it.
        """
        if self._cohort.rows == 1 or self._tally.progress() > 0 or self._checkpoints:
            return False
        with self._database.read() as session:
            return not checkpoints.of_cohort(session, self._cohort.id)

    def halve(self) -> Status:
        """Give the cohort back as two, the attempt not counted."""
        return self._write(lambda session: halve(session, *self._held))

    def finish(self, message: Message) -> Status:
        """Record final scores, weights and rows; end runs, cohort and perhaps the job."""
        status: Literal["succeeded", "cancelled"] = "cancelled" if message["cut"] else "succeeded"

        def act(session: Session) -> Status:
            self._insert(session, message, "weights")
            if message["rows"] is not None:
                self._insert(session, message["rows"], "rows")
            runs.record(session, *self._held, self._finals(message))
            cohorts.finish(session, *self._held, status)
            return status

        return self._write(act)

    def _write(self, act: Callable[[Session], Status], *, scores: bool = True) -> Status:
        """One transaction: what was taken, then `act`, which says where the cohort is now."""
        now = time.monotonic()
        with self._database.write() as session:
            cohorts.hold(session, *self._held)
            self._record(session, scores=scores)
            status = act(session)
            kept = 0 if is_final(status) else self._kept
            superseded = checkpoints.forget_older(session, self._cohort.id, kept=kept)
        self._flushed = now
        self._summed = now if scores else self._summed
        self._tally.settle(scores=scores)
        self._notes, self._checkpoints = [], []
        self._remove(superseded)
        return status

    def _record(self, session: Session, *, scores: bool) -> None:
        job_id, (cohort_id, fence), tally = self._cohort.job_id, self._held, self._tally
        events.append_epochs(session, job_id, cohort_id, fence, tally.fresh_epochs())
        for said in [*self._notes, *self._remarkable_endings()]:
            run_id = said.get("run")
            events.append(session, job_id, "event", said, cohort_id=cohort_id, run_id=run_id)
        runs.record(session, cohort_id, fence, tally.updates(scores=scores))
        cohorts.advance(session, cohort_id, fence, tally.progress())
        for message in self._checkpoints:
            self._insert(session, message, "resume")

    def _remarkable_endings(self) -> list[Message]:
        return [
            {
                "event": f"run_{reason}",
                "message": _ENDINGS[reason].format(run=self._tally.run_ids[row], epoch=epoch),
                "run": self._tally.run_ids[row],
                "epoch": epoch,
            }
            for row, epoch, reason in self._tally.fresh_endings()
            if reason in _ENDINGS
        ]

    def _insert(self, session: Session, message: Message, kind: Kind) -> None:
        known = checkpoints.of_cohort(session, self._cohort.id, kind)
        if any(checkpoint.key == message["key"] for checkpoint in known):
            return  # the database was lost between a commit and its answer
        checkpoints.insert_checkpoint(
            session,
            *self._held,
            epoch=message["epoch"],
            kind=kind,
            key=message["key"],
            sha256=message["sha256"],
            size_bytes=message["bytes"],
        )

    def _finals(self, message: Message) -> list[RunUpdate]:
        """Scores at the reported weights; a value that is not finite is null."""
        return [
            RunUpdate(
                run_id,
                final={name: column[row] for name, column in message["final"].items()},
                **self._outcome(row, message),
            )
            for row, run_id in enumerate(self._tally.run_ids)
        ]

    def _outcome(self, row: int, message: Message) -> dict[str, Any]:  # Any: columns of two types
        epoch, reason = self._tally.endings.get(row, (message["epoch"], "completed"))
        if message["cut"] and row not in self._tally.endings:
            return {"status": "cancelled", "stopped_epoch": epoch}
        if reason != "diverged":
            return {"status": "succeeded"}
        detail = f"Its numbers were not finite after epoch {epoch}; try a lower learning rate."
        return {"status": "failed", "error": problem("diverged", detail)}
