"""The ledger of a task: attempts with their maximum cost, outcomes and estimates."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from distill.core.evaluation import LoadExtent, Pace
from distill.core.purpose import Purpose
from distill.core.requests import Attempt, AttemptOutcome
from distill.core.text import replace_lone_surrogates
from distill.store.tables import Rows, now


class Money(Rows):
    """The tables of attempts, outcomes and estimates."""

    def add_attempts(self, run_id: str, attempts: Sequence[Attempt]) -> None:
        """Store attempts before they are sent."""
        at = now()
        self.insert(
            "attempt",
            [[row.id, run_id, row.request_id, row.worst_usd, at] for row in attempts],
            known_new=True,
        )

    def add_outcomes(self, outcomes: Sequence[AttemptOutcome]) -> None:
        """Store the outcomes of attempts. Raises an error for an attempt that has an outcome."""
        at = now()
        self.insert(
            "outcome",
            [
                [
                    row.attempt.id,
                    row.result,
                    row.usd,
                    replace_lone_surrogates(row.failure or row.remark),
                    at,
                ]
                for row in outcomes
            ],
            known_new=True,
        )

    def settle_lost(self) -> None:
        """Record attempts without an outcome as maybe billed.

        Their process ended before it stored an outcome. Attempts in batches and fine-tuning jobs
        are left out, since these outlive a process. Call this only if no request is in flight.
        """
        with self.transaction():
            self.rows(
                """INSERT INTO outcome
                   SELECT attempt.id, 'maybe_billed', worst_usd, ?, ?
                   FROM attempt LEFT JOIN outcome ON outcome.attempt_id = attempt.id
                   WHERE outcome.attempt_id IS NULL
                     AND attempt.id NOT IN (SELECT attempt_id FROM batch_attempt)
                     AND attempt.id NOT IN (SELECT attempt_id FROM training)""",
                "in flight when its process ended",
                now(),
            )

    def committed_usd(self, run_id: str) -> Decimal:
        """Return the USD that providers billed or may have billed the run.

        This sum counts against the budget. The time of our machine is excluded, since its maximum
        bill is 0.
        """
        return sum(self._settled(run_id).values(), Decimal(0))

    def billed_usd(self, run_id: str) -> Decimal:
        """Return the USD that providers billed the run for answers and fine-tuning jobs.

        A failed job is included if its bill is known.
        """
        return self.committed_usd(run_id) - self.possibly_paid_twice_usd(run_id)

    def possibly_paid_twice_usd(self, run_id: str) -> Decimal:
        """Return the maximum USD of the run's attempts without an answer that may be billed.

        Their requests were sent again, so these may have been billed twice. Returns 0 without such
        attempts.
        """
        return self._settled(run_id).get("maybe_billed", Decimal(0))

    def _settled(self, run_id: str) -> dict[str, Decimal]:
        rows = self.rows(
            """SELECT result, SUM(usd) FROM outcome JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND worst_usd > 0 GROUP BY result""",
            run_id,
        )
        return dict(rows)

    def mean_usd(self, purpose: Purpose) -> Decimal | None:
        """Return the mean USD of a purpose's answers in all runs; None before the first answer."""
        rows = self.rows(
            "SELECT AVG(usd) FROM completion "
            "WHERE request_id IN (SELECT request_id FROM ask WHERE purpose = ?)",
            str(purpose),
        )
        return None if rows[0][0] is None else Decimal(str(rows[0][0]))

    def spent(self, run_id: str) -> dict[Purpose, Decimal]:
        """Return the USD of the run's completions by purpose, with all rounds added up.

        A completion with several purposes counts once: for generation first, then judges, then
        systems. The view `cost` prices our machine's time as the run's task says.
        """
        rows = self.rows("SELECT purpose, SUM(usd) FROM cost WHERE run_id = ? GROUP BY ALL", run_id)
        found: dict[Purpose, Decimal] = defaultdict(Decimal)
        for purpose, usd in rows:
            found[Purpose.parse(purpose).without_round] += usd
        return dict(found)

    def add_stretch(self, run_id: str, stretch: LoadExtent) -> None:
        """Store a period in which our machine answered, with the load by other processes."""
        load = (stretch.began, stretch.ended, stretch.others_cpu)
        self.insert("stretch", [[run_id, str(stretch.purpose), *load]])

    def others_cpu(self, run_id: str) -> dict[Purpose, float]:
        """Return the mean share of the processors that other processes used, by purpose.

        The mean is over the run's answers from our machine with a known share.
        """
        rows = self.rows(
            """SELECT cost.purpose, AVG(others_cpu) FROM cost
               JOIN completion USING (request_id)
               JOIN stretch ON finished BETWEEN began AND ended
               WHERE cost.run_id = ? AND by_seconds AND others_cpu IS NOT NULL
               GROUP BY cost.purpose""",
            run_id,
        )
        return {Purpose.parse(purpose): share for purpose, share in rows}

    def paces(self) -> list[Pace]:
        """List the speeds of models on our machine by run, purpose and model.

        The rounds of generation are added up.
        """
        rows = self.rows(
            """SELECT run_id, model, COUNT(*), SUM(machine_seconds),
                      CASE WHEN purpose LIKE 'generate:%' THEN split_part(purpose, '.', 1)
                           ELSE purpose END AS purpose
               FROM cost JOIN request ON request.id = request_id
               WHERE machine_seconds > 0 GROUP BY ALL"""
        )
        return [
            Pace(run_id, Purpose.parse(purpose), model, answers, seconds)
            for run_id, model, answers, seconds, purpose in rows
        ]

    def add_estimate(self, run_id: str, usd: Decimal, certain_usd: Decimal) -> None:
        """Store the estimated USD of the run, unless an estimate is already stored.

        `certain_usd`: the part that does not depend on inputs still to be generated.
        """
        self.insert("estimate", [[run_id, usd, now(), certain_usd]])

    def estimate_usd(self, run_id: str) -> Decimal | None:
        """Return the estimated USD of the run; None for a run without an estimate."""
        rows = self.rows("SELECT usd FROM estimate WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None

    def certain_usd(self, run_id: str) -> Decimal | None:
        """Return the part of the estimate that did not depend on inputs still to be generated.

        Returns None without an estimate, and for an estimate of an older version.
        """
        rows = self.rows("SELECT certain_usd FROM estimate WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None
