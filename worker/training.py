"""One order carried out: the engine's events become messages, its snapshots become artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from core.datasets import Dataset, load_source, source_of
from core.store.artifacts import Artifacts, TornArtifact
from core.train import Cohort, Ended, Epoch, Finished, Snapshot, train
from worker.failure import DatasetChanged, is_full, reason_of
from worker.order import Order
from worker.payload import columns

Message = dict[str, Any]  # Any: JSON
Wish = Callable[[], str | None]

log = structlog.get_logger(__name__)


def carry_out(order: Order, artifacts: Artifacts, wish: Wish) -> Iterator[Message]:
    """Train the cohort; the last message is `finished`, `stopped` or `failed`."""
    with ExitStack() as files:
        try:
            yield from _train(order, artifacts, wish, files)
        except Exception as error:  # the worker decides what follows from an attempt's failure
            log.exception("cohort failed", cohort=order.cohort)
            reason, detail = reason_of(error)
            yield {"event": "failed", "reason": reason, "detail": detail}


def _train(order: Order, artifacts: Artifacts, wish: Wish, files: ExitStack) -> Iterator[Message]:
    dataset = _dataset(order, artifacts, files)
    logged, resume = 0, None
    for checkpoint in order.checkpoints:
        try:
            resume = files.enter_context(artifacts.local(checkpoint.key, sha256=checkpoint.sha256))
        except (FileNotFoundError, TornArtifact):
            message = f"The checkpoint of epoch {checkpoint.epoch} is torn; looking for an older."
            yield {"event": "note", "word": "checkpoint_torn", "message": message}
        else:
            logged = checkpoint.epoch
            break
    events = train(
        Cohort.of(order.document, order.members),
        dataset,
        device=order.device,
        resume=resume,
        control=wish,
        snapshot_every_s=order.checkpoint_every_s,
        rows_bytes_max=order.rows_bytes_max,
    )
    for event in events:
        match event:
            case Epoch():
                yield _epoch(event, logged)
                logged = event.epoch
            case Ended():
                yield {"event": "ended", **vars(event)}
            case Snapshot():
                yield _checkpoint(event, order, artifacts)
            case Finished():
                yield _finished(event, logged, order, artifacts)
                return
    yield {"event": "stopped"}


def _dataset(order: Order, artifacts: Artifacts, files: ExitStack) -> Dataset:
    """The job's data, sure to be what the job was accepted with."""

    def fetch(dataset_id: str) -> Path:
        if dataset_id not in order.uploads:
            raise DatasetChanged(f"Dataset {dataset_id} is gone; upload it again.")
        upload = order.uploads[dataset_id]
        try:
            return files.enter_context(artifacts.local(upload.key, sha256=upload.sha256))
        except (FileNotFoundError, TornArtifact):
            raise DatasetChanged(
                f"Dataset {dataset_id} is damaged; delete it and upload it again."
            ) from None

    dataset = load_source(source_of(order.document), fetch)
    if order.dataset_sha256 not in ("", dataset.facts.sha256):
        raise DatasetChanged("The dataset is not the one that the job was accepted with.")
    return dataset


def _epoch(event: Epoch, logged: int) -> Message:
    """A logged epoch; `epoch_s` is its cohort's wall time per epoch since the one before."""
    epoch_s = event.seconds / (event.epoch - logged)
    metrics, kinds = columns({**event.metrics, "epoch_s": [epoch_s] * len(event.rows)})
    return {
        "event": "epoch",
        "epoch": event.epoch,
        "rows": event.rows,
        "metrics": metrics,
        "nonfinite": kinds,
    }


def _checkpoint(event: Snapshot, order: Order, artifacts: Artifacts) -> Message:
    """Store a snapshot. Without room for it training goes on; only a retry would lose more."""
    key = f"{order.prefix}/{event.epoch}.safetensors"
    try:
        stored = _store(event.write, key, artifacts)
    except Exception as error:
        if not is_full(error):
            raise
        log.warning("no room for a checkpoint", cohort=order.cohort, epoch=event.epoch)
        message = f"There was no room for the checkpoint of epoch {event.epoch}: disk_full."
        return {"event": "note", "word": "checkpoint_skipped", "message": message}
    return {"event": "checkpoint", "epoch": event.epoch, **stored}


def _finished(event: Finished, logged: int, order: Order, artifacts: Artifacts) -> Message:
    """Store weights and rows; scores that are not finite are null."""
    final, _ = columns(event.final)
    epoch = logged if event.cut is None else event.cut
    stored = _store(event.write_weights, order.weights_key, artifacts)
    rows = None  # where they are over the budget
    if event.write_rows is not None:
        rows = {"epoch": epoch, **_store(event.write_rows, order.rows_key, artifacts)}
    return {
        "event": "finished",
        "epoch": epoch,
        "final": final,
        "cut": event.cut is not None,
        "rows": rows,
        **stored,
    }


def _store(write: Callable[[Path], None], key: str, artifacts: Artifacts) -> Message:
    with TemporaryDirectory(prefix="occam-") as folder:
        draft = Path(folder) / "stacked.safetensors"
        write(draft)
        stored = artifacts.put(key, draft)
    return {"key": key, "sha256": stored.sha256, "bytes": stored.bytes}
