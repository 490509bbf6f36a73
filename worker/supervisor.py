"""The worker's main loop: plan, claim, have it trained, record; with a warm child at hand.

This process never imports torch: what breaks while training breaks in the child.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from threading import Event

import structlog

from core.errors import Unavailable
from core.queue import Ring
from core.settings import Settings
from core.store import cohorts, outbox, sweep, workers
from core.store.artifacts import Artifacts
from core.store.cohorts import ClaimedCohort
from core.store.ids import new_id
from core.store.listener import Listener
from core.store.session import Database
from core.store.states import is_final
from worker.attempt import Attempt
from worker.child import Child
from worker.claim import folder_of, order_for
from worker.heartbeat import Heartbeat, Lost
from worker.order import Order
from worker.periodic import Periodic
from worker.planner import plan_next
from worker.recorder import Recorder
from worker.warm import Warm

PLANS_PER_TURN = 8  # jobs to plan before looking for one to train, so that neither starves
AWAY_S = 1.0  # pause while the database does not answer
SEEN_EVERY_S = 10.0  # six fit into `sweep.WORKER_ALIVE_S`; each costs a write

log = structlog.get_logger(__name__)


class Supervisor:
    """One worker. `run` it in the main thread (see `Child`).

    stopping: set it, and `bell`, to end: what trains is checkpointed and given back.
    bell: set it when there may be something to do.
    ring: tells other workers by the broker; None where there is none.
    """

    def __init__(
        self, settings: Settings, *, stopping: Event, bell: Event, ring: Ring | None = None
    ) -> None:
        self.id = new_id("wrk")
        self._settings, self._stopping, self._bell = settings, stopping, bell
        self._database = Database(settings.database_url)
        self._artifacts = Artifacts(settings.artifacts_url)
        self._warm = Warm(settings.trainer_memory_bytes_max, lambda: Child(wake=bell.set))
        self._ring = ring
        self._orders = 0
        self._seen: tuple[str, float] = ("", 0.0)  # as what, and when
        self._listener = Listener(
            lambda: self._database.ear("work"), bell.set, poll_s=settings.poll_s
        )
        self._sweeper = Periodic("sweep", settings.sweep_every_s, self._sweep)
        self._relay = Periodic("relay", settings.sweep_every_s, self._pay)

    def run(self, hear: Callable[[tuple[str, ...]], None]) -> None:
        """Work until `stopping` is set.

        hear: called once, with the device classes to serve, when they are known.
        """
        self._listener.start()
        self._sweeper.start()
        if self._ring is not None:
            self._relay.start()
        try:
            deaf = True
            while not self._stopping.is_set():
                busy = self._turn()
                if deaf and self._warm.device is not None:
                    deaf = False
                    self._sweeper.ask()  # to say what it serves
                    hear(workers.SERVES[self._device()])
                if not busy:
                    self._rest()
        finally:
            self._end()

    def _turn(self) -> bool:
        """Whether there was something to do."""
        try:
            planned = self._plan()
            child = self._warm.ready()
            claimed = None if child is None else self._claim()
            if child is None or claimed is None:
                return planned
            self._train(child, claimed)
        except Unavailable as error:
            log.warning("the database is away", error=error.detail)
            self._stopping.wait(AWAY_S)
        return True

    def _rest(self) -> None:
        """Until the bell rings, or it is time to look without: for leases that ran out."""
        self._bell.wait(min(self._settings.sweep_every_s, self._warm.due_in()))
        self._bell.clear()  # only after the wait: who asks us to end sets `stopping` first

    def _plan(self) -> bool:
        some = False
        for _ in range(PLANS_PER_TURN):
            if not plan_next(
                self._database,
                self.id,
                lease_s=self._settings.lease_s,
                memory_bytes=self._settings.cohort_memory_bytes,
                attempts_max=self._settings.attempts_max,
            ):
                break
            some = True
            self._relay.ask()
        return some

    def _device(self) -> str:
        """What this worker trains on: the settings' choice, else what the child found."""
        asked, found = self._settings.device, self._warm.device or "cpu"
        if asked == "cuda" and found != "cuda":
            raise SystemExit("OCCAM_DEVICE is cuda, but torch finds no CUDA device; use auto.")
        return found if asked == "auto" else asked

    def _claim(self) -> ClaimedCohort | None:
        devices = workers.SERVES[self._device()]
        with self._database.read() as session:  # a look is free, a write is not
            if not cohorts.waits(session, devices):
                return None
        with self._database.write(durable=False) as session:
            return cohorts.claim_next(session, self.id, devices, self._settings.lease_s)

    def _train(self, child: Child, claimed: ClaimedCohort) -> None:
        heartbeat = self._heartbeat(claimed)
        with heartbeat, structlog.contextvars.bound_contextvars(cohort=claimed.id):
            log.info("cohort claimed", job=claimed.job_id, runs=claimed.rows, fence=claimed.fence)
            try:
                order = heartbeat.insist(lambda: self._order(claimed))
                recorder = heartbeat.insist(lambda: self._recorder(claimed))
            except Lost:
                return
            attempt = Attempt(
                child,
                order,
                recorder,
                heartbeat,
                stopping=self._stopping,
                settings=self._settings,
            )
            status = attempt.run()
            log.info("cohort let go", status=status or "lost")
        if status is not None and is_final(status):
            kept = [] if status == "failed" else [order.weights_key, order.rows_key]
            self._remove(lambda: self._artifacts.delete_below(folder_of(claimed), keep=kept))
        self._relay.ask()

    def _heartbeat(self, claimed: ClaimedCohort) -> Heartbeat:
        settings, database = self._settings, self._database

        def beat() -> str | None:
            with database.write(durable=False) as session:
                return cohorts.heartbeat(session, claimed.id, claimed.fence, settings.lease_s)

        def look() -> str | None:
            with database.read() as session:
                return cohorts.wanted(session, claimed.id, claimed.fence)

        return Heartbeat(beat, look, every_s=settings.heartbeat_s, lease_s=settings.lease_s)

    def _order(self, claimed: ClaimedCohort) -> Order:
        self._orders += 1
        with self._database.read() as session:
            return order_for(
                session,
                claimed,
                order=self._orders,
                device="cpu" if claimed.device == "cpu" else self._device(),
                checkpoint_every_s=self._settings.checkpoint_every_s,
                rows_bytes_max=self._settings.rows_bytes_max,
            )

    def _recorder(self, claimed: ClaimedCohort) -> Recorder:
        return Recorder(
            self._database,
            claimed,
            remove=self._delete,
            checkpoints_kept=self._settings.checkpoints_kept,
            attempts_max=self._settings.attempts_max,
        )

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._remove(lambda key=key: self._artifacts.delete(key))  # type: ignore[misc]

    def _remove(self, act: Callable[[], None]) -> None:
        """Delete artifacts; those that stay are only space lost."""
        try:
            act()
        except Exception as error:  # whatever a store's client raises
            log.warning("artifacts not deleted", error=repr(error))

    def _sweep(self) -> None:
        ttl_s = self._settings.idempotency_ttl_s
        self._say_seen()
        with self._database.read() as session:
            if not sweep.is_due(session, idempotency_ttl_s=ttl_s):
                return
        with self._database.write() as session:
            swept = sweep.sweep(
                session, attempts_max=self._settings.attempts_max, idempotency_ttl_s=ttl_s
            )
        if swept.freed or swept.overdue:
            log.info("swept", freed=swept.freed, overdue=swept.overdue)
            self._relay.ask()

    def _say_seen(self) -> None:
        """Say that this worker lives, and what it serves: at once when that is known."""
        asked, found = self._settings.device, self._warm.device or "auto"
        device, now = found if asked == "auto" else asked, time.monotonic()
        if self._seen[0] == device and now - self._seen[1] < SEEN_EVERY_S:
            return
        with self._database.write(durable=False) as session:
            workers.seen(
                session, self.id, host=socket.gethostname(), pid=os.getpid(), device=device
            )
        self._seen = device, now

    def _pay(self) -> None:
        assert self._ring is not None, "a relay without a bell is never started"
        while outbox.relay(self._database, self._ring):
            pass

    def _end(self) -> None:
        self._listener.stop()
        self._sweeper.stop()
        self._relay.stop()
        self._warm.stop()
        try:
            with self._database.write() as session:
                workers.gone(session, self.id)
        except Unavailable:
            log.warning("could not sign off; the sweep will forget this worker")
        self._database.dispose()
