"""The stored batches of a task, with their attempts and events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from distill.core.purpose import Purpose
from distill.core.requests import Attempt
from distill.core.text import replace_lone_surrogates
from distill.store import Row, Store, request_of

# The `detail` of each event. submitted: the provider's id of the batch. guessed: an id that may be
# another batch's. mistaken: another batch's id. closed: the reason why no more answers will come.
Event = Literal["submitted", "guessed", "mistaken", "closed"]
IDENTIFIED: tuple[Event, ...] = ("submitted", "guessed")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of requests at a provider.

    `tag`: the tool's id of the batch.
    `run_id`: the run whose requests are in the batch.
    `teacher`: the name of the teacher in task.toml.
    `written`: the time at which the batch was stored.
    `job_id`: the provider's id; None until it is known.
    `mistaken`: the provider's ids of other batches that were once taken for this one.
    """

    tag: str
    run_id: str
    purpose: Purpose
    teacher: str
    written: datetime
    job_id: str | None = None
    mistaken: frozenset[str] = frozenset()


def add_batch(store: Store, batch: Batch, attempts: Sequence[Attempt]) -> None:
    """Store a batch before it is sent; call this in the transaction that stores its attempts."""
    row = [batch.tag, batch.run_id, str(batch.purpose), batch.teacher, batch.written]
    store.insert("batch", [row])
    store.insert("batch_attempt", [[attempt.id, batch.tag] for attempt in attempts])


def add_event(store: Store, batch: Batch, event: Event, detail: str) -> None:
    """Store an event of a batch."""
    rows = store.rows("SELECT COUNT(*) FROM batch_event WHERE batch_id = ?", batch.tag)
    store.insert(
        "batch_event",
        [[batch.tag, rows[0][0], event, replace_lone_surrogates(detail), datetime.now(UTC)]],
    )


def open_batches(store: Store) -> list[Batch]:
    """List the open batches of all runs, which may still return answers, the oldest first."""
    rows = store.rows(
        """SELECT id, run_id, purpose, teacher, written FROM batch WHERE id NOT IN
               (SELECT batch_id FROM batch_event WHERE event = 'closed')
           ORDER BY written, id"""
    )
    events: dict[str, list[tuple[str, str]]] = {}
    for tag, event, detail in store.rows(
        "SELECT batch_id, event, detail FROM batch_event ORDER BY batch_id, position"
    ):
        events.setdefault(tag, []).append((event, detail))
    return [_batch(row, events.get(row[0], [])) for row in rows]


def _batch(row: Row, events: Sequence[tuple[str, str]]) -> Batch:
    mistaken = frozenset(job for event, job in events if event == "mistaken")
    jobs = [job for event, job in events if event in IDENTIFIED and job not in mistaken]
    tag, run_id, purpose, teacher, written = row
    job_id = jobs[-1] if jobs else None
    return Batch(tag, run_id, Purpose.parse(purpose), teacher, written, job_id, mistaken)


def known_jobs(store: Store) -> frozenset[str]:
    """Return the providers' ids of all batches of the task, including guessed ids."""
    return _jobs(store, *IDENTIFIED)


def guessed_jobs(store: Store) -> frozenset[str]:
    """Return the providers' ids that may be other batches', because only the size matched."""
    return _jobs(store, "guessed")


def _jobs(store: Store, *events: Event) -> frozenset[str]:
    sql = "SELECT detail FROM batch_event WHERE event IN (SELECT unnest(?::VARCHAR[]))"
    return frozenset(job for (job,) in store.rows(sql, list(events)))


def attempts_out(store: Store, batch: Batch) -> dict[str, Attempt]:
    """Return the batch's attempts without an outcome, by id."""
    rows = store.rows(
        """SELECT out_in_batch.id, worst_usd, request.model, messages, sampling FROM out_in_batch
           JOIN request ON request.id = request_id WHERE batch_id = ?""",
        batch.tag,
    )
    return {id_: Attempt(id_, request_of(tuple(row)), worst) for id_, worst, *row in rows}


def ids_of(store: Store, batch: Batch) -> frozenset[str]:
    """Return the custom_ids of the batch's requests."""
    rows = store.rows("SELECT attempt_id FROM batch_attempt WHERE batch_id = ?", batch.tag)
    return frozenset(id_ for (id_,) in rows)


def reserved_usd(store: Store, run_id: str) -> Mapping[str, Decimal]:
    """Return the maximum USD of each of the run's attempts in open batches, by attempt id."""
    rows = store.rows("SELECT id, worst_usd FROM out_in_batch WHERE run_id = ?", run_id)
    return dict(rows)


def count_out(store: Store, run_id: str, purpose: Purpose) -> int:
    """Count the requests of a run's purpose that are in open batches of any run."""
    rows = store.rows(
        """SELECT COUNT(DISTINCT request_id) FROM ask JOIN out_in_batch USING (request_id)
           WHERE ask.run_id = ? AND ask.purpose = ?""",
        run_id,
        str(purpose),
    )
    return int(rows[0][0])


def requests_out(store: Store) -> frozenset[str]:
    """Return the ids of the requests that are in open batches of any run."""
    return frozenset(id_ for (id_,) in store.rows("SELECT request_id FROM out_in_batch"))


def goes_in_batches(mode: str, *, detach: bool, began: bool) -> bool:
    """True if a run sends its requests in batches, provided that its teacher has a batch API.

    Mode `auto` uses batches with `--detach`, and in a run that has sent a batch before (`began`).
    """
    return mode == "batch" or (mode == "auto" and (detach or began))


def was_batched(store: Store, run_id: str) -> bool:
    """True if any of the run's requests was sent in a batch."""
    return bool(store.rows("SELECT 1 FROM batch WHERE run_id = ? LIMIT 1", run_id))
