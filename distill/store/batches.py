"""The batches of a task, in its store: what each carries, and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from distill.core.requests import Attempt
from distill.core.text import replace_lone_surrogates
from distill.store import Row, Store, request_of

# submitted: the provider's id of it; guessed: one that may be another's; mistaken: that id is
# another's; closed: why nothing more comes
Event = Literal["submitted", "guessed", "mistaken", "closed"]
IDENTIFIED: tuple[Event, ...] = ("submitted", "guessed")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch: the tag that it goes by, whose requests it carries, the teacher as the task names
    it, when it was written down and, once that is known, its id at the provider; `mistaken` were
    taken for it before."""

    tag: str
    run_id: str
    purpose: str
    teacher: str
    written: datetime
    job_id: str | None = None
    mistaken: frozenset[str] = frozenset()


def add_batch(store: Store, batch: Batch, attempts: Sequence[Attempt]) -> None:
    """Write a batch down, before it is sent; call it in the transaction of its attempts."""
    row = [batch.tag, batch.run_id, batch.purpose, batch.teacher, batch.written]
    store.insert("batch", [row])
    store.insert("batch_attempt", [[attempt.id, batch.tag] for attempt in attempts])


def add_event(store: Store, batch: Batch, event: Event, detail: str) -> None:
    """What became of it."""
    rows = store.rows("SELECT COUNT(*) FROM batch_event WHERE batch_id = ?", batch.tag)
    store.insert(
        "batch_event",
        [[batch.tag, rows[0][0], event, replace_lone_surrogates(detail), datetime.now(UTC)]],
    )


def open_batches(store: Store) -> list[Batch]:
    """Those of any run from which something may still come, the oldest first."""
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
    return Batch(tag, run_id, purpose, teacher, written, jobs[-1] if jobs else None, mistaken)


def known_jobs(store: Store) -> frozenset[str]:
    """The providers' ids of all batches of the task."""
    return _jobs(store, *IDENTIFIED)


def guessed_jobs(store: Store) -> frozenset[str]:
    """Those of them that may be another's: they were told by their size alone."""
    return _jobs(store, "guessed")


def _jobs(store: Store, *events: Event) -> frozenset[str]:
    sql = "SELECT detail FROM batch_event WHERE event IN (SELECT unnest(?::VARCHAR[]))"
    return frozenset(job for (job,) in store.rows(sql, list(events)))


def attempts_out(store: Store, batch: Batch) -> dict[str, Attempt]:
    """The batch's attempts that have no outcome yet, by their ids."""
    rows = store.rows(
        """SELECT out_in_batch.id, worst_usd, request.model, messages, sampling FROM out_in_batch
           JOIN request ON request.id = request_id WHERE batch_id = ?""",
        batch.tag,
    )
    return {id_: Attempt(id_, request_of(tuple(row)), worst) for id_, worst, *row in rows}


def ids_of(store: Store, batch: Batch) -> frozenset[str]:
    """The custom_ids of everything that the batch carries."""
    rows = store.rows("SELECT attempt_id FROM batch_attempt WHERE batch_id = ?", batch.tag)
    return frozenset(id_ for (id_,) in rows)


def reserved_usd(store: Store, run_id: str) -> Mapping[str, Decimal]:
    """Attempt → the most that it can cost, for what the run has out in batches."""
    rows = store.rows("SELECT id, worst_usd FROM out_in_batch WHERE run_id = ?", run_id)
    return dict(rows)


def count_out(store: Store, run_id: str, purpose: str) -> int:
    """How many of a purpose's requests are out in batches, of this run or another."""
    rows = store.rows(
        """SELECT COUNT(DISTINCT request_id) FROM ask JOIN out_in_batch USING (request_id)
           WHERE ask.run_id = ? AND ask.purpose = ?""",
        run_id,
        purpose,
    )
    return int(rows[0][0])


def requests_out(store: Store) -> frozenset[str]:
    """The ids of the requests that are out in batches, of any run."""
    return frozenset(id_ for (id_,) in store.rows("SELECT request_id FROM out_in_batch"))


def goes_in_batches(mode: str, *, detach: bool, began: bool) -> bool:
    """Do a run's requests take batches, where its teacher has them? In mode `auto` they do when the
    user does not wait, and go on so once one `began` so."""
    return mode == "batch" or (mode == "auto" and (detach or began))


def was_batched(store: Store, run_id: str) -> bool:
    """Has any of the run's requests gone out in a batch?"""
    return bool(store.rows("SELECT 1 FROM batch WHERE run_id = ? LIMIT 1", run_id))
