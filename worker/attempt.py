"""One attempt at a cohort: order it from the child, follow, record, and settle how it ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

import structlog

from core.errors import NotFound
from core.settings import Settings
from core.store.cohorts import StaleFence
from core.store.states import Reason, Status
from worker.child import Child, ChildDied
from worker.heartbeat import Heartbeat, Lost
from worker.order import Order
from worker.recorder import Recorder

Message = Mapping[str, Any]  # Any: JSON

TURN_S = 0.1  # how long a wish may wait while the child says nothing
LASTING: frozenset[Reason] = frozenset(
    {"dataset_changed", "invalid_split"}
)  # as would another attempt
OUT_OF_MEMORY: frozenset[Reason] = frozenset({"oom_device", "oom_host"})
ENDS = frozenset({"finished", "stopped", "failed"})

log = structlog.get_logger(__name__)


class Attempt:
    """A claimed cohort in the hands of a ready child, under a running heartbeat.

    stopping: set when the worker is to end: the cohort is checkpointed and given back.
    """

    def __init__(
        self,
        child: Child,
        order: Order,
        recorder: Recorder,
        heartbeat: Heartbeat,
        *,
        stopping: Event,
        settings: Settings,
    ) -> None:
        self._child, self._order = child, order
        self._recorder, self._heartbeat = recorder, heartbeat
        self._stopping = stopping
        self._grace_s = {
            "cancel": settings.cancel_grace_s,
            "shutdown": settings.shutdown_grace_s,
        }
        self._asked = ""  # what the child was told last
        self._patience = float("inf")  # until when it may take to react

    def run(self) -> Status | None:
        """Where the cohort is now; None when it was lost. Ends the child where it cannot go on."""
        try:
            return self._run()
        except (Lost, StaleFence, NotFound) as error:
            log.warning("cohort lost", why=repr(error))
            self._child.stop()
            return None

    def _run(self) -> Status:
        kills = _oom_kills()
        try:
            self._child.send(self._order.message())
            return self._settle(self._follow())
        except ChildDied as died:
            return self._fail(*_reason(died, for_memory=_oom_kills() > kills))
        except (Lost, StaleFence, NotFound):
            raise
        except Exception as error:  # ours: it must end this attempt, not this worker
            log.exception("attempt broken")
            self._child.stop()
            self._recorder.forget()
            return self._fail("internal", f"{type(error).__name__}: {error}")

    def _follow(self) -> Message:
        """Pass messages to the recorder and wishes to the child, until its last message."""
        while True:
            if self._heartbeat.is_lost():
                raise Lost("the lease ran out")
            self._pass_wish()
            if time.monotonic() > self._patience:
                log.warning("the trainer does not react", asked=self._asked)
                self._child.stop()
                return {"event": "stopped"}
            message = self._child.receive(min(TURN_S, self._recorder.due_in()))
            if message is not None and message.get("order") == self._order.order:
                if message["event"] in ENDS:
                    return message
                self._recorder.take(message)
            if self._recorder.due_in() <= 0:
                self._heartbeat.insist(self._recorder.flush)

    def _pass_wish(self) -> None:
        wish = self._heartbeat.wish
        asked = wish if wish in ("cancel", "pause") else ""
        if self._stopping.is_set() and asked != "cancel":
            asked = "shutdown"
        if asked == self._asked:
            return
        self._asked = asked
        # A client's pause waits for the epoch's end however long that takes: nothing is lost.
        self._patience = time.monotonic() + self._grace_s.get(asked, float("inf"))
        word = "pause" if asked == "shutdown" else asked
        self._child.send({"order": self._order.order, "wish": word})

    def _settle(self, last: Message) -> Status:
        recorder, insist = self._recorder, self._heartbeat.insist
        if last["event"] == "finished":
            return insist(lambda: recorder.finish(last))
        if last["event"] == "failed":
            return self._fail(last["reason"], last["detail"])
        if self._asked == "cancel":
            return insist(recorder.cancel)
        why = "paused" if self._asked == "pause" else "given back, since its worker stops"
        return insist(lambda: recorder.release(why))

    def _fail(self, reason: Reason, detail: str) -> Status:
        log.warning("attempt failed", reason=reason, detail=detail)
        if reason in OUT_OF_MEMORY or self._order.device == "cuda":
            self._child.stop()  # what it still holds, or a broken CUDA context, goes with it
        if reason in OUT_OF_MEMORY and self._recorder.can_halve():
            return self._heartbeat.insist(self._recorder.halve)
        retry = reason not in LASTING
        return self._heartbeat.insist(lambda: self._recorder.fail(reason, detail, retry=retry))


def _reason(died: ChildDied, *, for_memory: bool) -> tuple[Reason, str]:
    if died.code == -signal.SIGKILL and for_memory:
        return "oom_host", "The host ran out of memory, and the system ended the trainer process."
    said = str(died)
    return "trainer_crashed", f"{said[0].upper()}{said[1:]}."


def _oom_kills() -> int:
    """How many processes the kernel ended for want of memory since it started."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
