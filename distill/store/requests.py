"""The stored requests, the runs and purposes that planned them, and their completions."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict

from distill.core.answer_text import read_again
from distill.core.purpose import Purpose
from distill.core.requests import (
    CompletedRequest,
    Completion,
    Message,
    PlannedRequest,
    Request,
    Sampling,
)
from distill.store.tables import Row, Rows, as_json, now, values_of

PAGE = 1000


class Requests(Rows):
    """The tables of planned requests, requests and completions."""

    def add_asks(self, run_id: str, asks: Sequence[PlannedRequest]) -> None:
        """Store a run's planned requests before they are sent."""
        ids = [ask.request.id for ask in asks]
        positions: dict[Purpose, int] = {}
        links = []
        for id_, ask in zip(ids, asks, strict=True):
            position = positions[ask.purpose] = positions.get(ask.purpose, -1) + 1
            links.append([run_id, str(ask.purpose), position, ask.subject, id_])
        with self.transaction():
            self.add_requests([ask.request for ask in asks])
            self.insert("ask", links)

    def add_requests(self, requests: Sequence[Request]) -> None:
        """Store requests without a run."""
        rows = [
            [
                row.id,
                row.model,
                as_json([asdict(message) for message in row.messages]),
                as_json(asdict(row.sampling)),
            ]
            for row in requests
        ]
        self.insert("request", rows)

    def unanswered(self, run_id: str, purpose: Purpose) -> Iterator[Request]:
        """Yield the run's requests of a purpose without a completion that are not in a batch.

        Each request is yielded once, in order. Rows are read in pages, so that the caller may store
        completions during the iteration.
        """
        last = -1
        while True:
            rows = self.rows(
                """SELECT first.position, request.model, messages, sampling FROM
                       (SELECT request_id, MIN(position) AS position FROM ask
                        WHERE run_id = ? AND purpose = ? GROUP BY request_id) AS first
                   JOIN request ON request.id = first.request_id
                   LEFT JOIN completion ON completion.request_id = first.request_id
                   WHERE completion.request_id IS NULL AND first.position > ?
                     AND request.id NOT IN (SELECT request_id FROM out_in_batch)
                   ORDER BY first.position LIMIT ?""",
                *(run_id, str(purpose), last, PAGE),
            )
            yield from (request_of(row[1:]) for row in rows)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def count_unanswered(self, run_id: str, purpose: Purpose) -> int:
        """Count the run's requests of a purpose without a completion."""
        rows = self.rows(
            """SELECT COUNT(DISTINCT ask.request_id) FROM ask
               LEFT JOIN completion ON completion.request_id = ask.request_id
               WHERE run_id = ? AND purpose = ? AND completion.request_id IS NULL""",
            run_id,
            str(purpose),
        )
        return int(rows[0][0])

    def inputs_asked(self, run_id: str) -> int:
        """Count the inputs that were requested by the run's answered synthesis requests."""
        rows = self.rows(
            """SELECT COALESCE(SUM(GREATEST(CAST(sampling ->> 'inputs' AS INTEGER), 1)), 0)
               FROM request WHERE id IN (
                   SELECT request_id FROM ask JOIN completion USING (request_id)
                   WHERE run_id = ? AND split_part(purpose, '.', 1) = 'generate:synthesize')""",
            run_id,
        )
        return int(rows[0][0])

    def add_completions(self, completions: Sequence[Completion]) -> None:
        """Store completions with their usage, price and probabilities."""
        rows = [values_of(completion) for completion in completions]
        self.insert("completion", [list(row[:-1]) for row in rows])  # without `probabilities`
        decided = [row for row in completions if row.probabilities]
        self.insert(
            "choice_probability",
            [[row.request_id, as_json(dict(row.probabilities))] for row in decided],
        )

    def completions(
        self, requests: Sequence[Request], aside: Collection[str] = ()
    ) -> dict[str, Completion]:
        """Return the completions of the requests, from any run, by the id of the original request.

        Requests without a completion are left out. Discarded answers do not count. `aside`: the ids
        of further requests whose answers count as discarded.
        """
        current = {row.id: row for row in self.current(requests, aside)}
        rows = self.rows(
            "SELECT * FROM completion WHERE request_id IN (SELECT unnest(?::VARCHAR[]))",
            list(current),
        )
        found: dict[str, Completion] = {}
        for completion in (Completion(*row) for row in rows):
            request = current[completion.request_id]
            # The id is a hash, so it is computed only if the request was changed.
            again = request.sampling.again
            first_id = request.asked_again(0).id if again else completion.request_id
            found[first_id] = read_again(request, completion)
        return found

    def current(self, requests: Sequence[Request], aside: Collection[str] = ()) -> list[Request]:
        """Return the requests with a new id for each that has discarded answers.

        A request with a new id is sent again. `aside`: the ids of further requests whose answers
        count as discarded.
        """
        put_aside = {id_ for (id_,) in self.rows("SELECT request_id FROM put_aside")} | {*aside}
        return [_current(request, put_aside) for request in requests] if put_aside else [*requests]

    def put_aside(self, request_ids: Collection[str]) -> None:
        """Mark answers as discarded; their rows and bills are kept."""
        self.insert("put_aside", [[id_, now()] for id_ in request_ids])

    def purposes(self, run_id: str) -> list[Purpose]:
        """List the distinct purposes of a run's requests."""
        rows = self.rows("SELECT DISTINCT purpose FROM ask WHERE run_id = ? ORDER BY ALL", run_id)
        return [Purpose.parse(purpose) for (purpose,) in rows]

    def answered(
        self, run_id: str, purpose: Purpose, *, most: int | None = None, rounds: bool = False
    ) -> list[CompletedRequest]:
        """List the run's answered requests of a purpose with their completions, in order.

        `most`: the maximum number of rows; None for all.
        `rounds`: True to include requests of the purpose's rounds (`<purpose>.<round>`).
        """
        rows = self.rows(
            """SELECT subject, request.model, messages, sampling, completion.* FROM ask
               JOIN request ON request.id = ask.request_id
               JOIN completion ON completion.request_id = ask.request_id
               WHERE ask.run_id = ?
                 AND (ask.purpose = ? OR (? AND starts_with(ask.purpose, ? || '.')))
               ORDER BY position LIMIT ?""",
            *(run_id, str(purpose), rounds, str(purpose), most),
        )
        return [_answered(purpose, row) for row in rows]


def _current(request: Request, put_aside: Collection[str]) -> Request:
    while request.id in put_aside:
        request = request.asked_again(request.sampling.again + 1)
    return request


def _answered(purpose: Purpose, row: Row) -> CompletedRequest:
    """Build a completed request with the id of the original request, as in the run's plan."""
    request = request_of(row[1:4])
    completion = read_again(request, Completion(*row[4:]))
    return CompletedRequest(PlannedRequest(purpose, row[0], request.asked_again(0)), completion)


def request_of(row: Row) -> Request:
    """Build a request from its columns: model, messages, sampling."""
    model, messages, sampling = row
    values = json.loads(sampling)
    lists = ("stop", "choices", "meanings")  # `meanings` is not in rows of older versions
    values |= {name: tuple(values[name]) for name in lists if name in values}
    turns = tuple(Message(**message) for message in json.loads(messages))
    return Request(model, turns, Sampling(**values))
