"""The ledger's rows: every attempt with its worst case, what became of it, what was expected."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from distill.core.evaluation import LoadExtent, Pace
from distill.core.requests import Attempt, AttemptOutcome
from distill.core.text import replace_lone_surrogates
from distill.store.tables import Rows, now, values_of


class Money(Rows):
    """The rows of attempts, outcomes and estimates."""

    def add_attempts(self, run_id: str, attempts: Sequence[Attempt]) -> None:
        """Write down what is about to be sent."""
        at = now()
        self.insert(
            "attempt",
            [[row.id, run_id, row.request_id, row.worst_usd, at] for row in attempts],
            known_new=True,
        )

    def add_outcomes(self, outcomes: Sequence[AttemptOutcome]) -> None:
        """Write down what became of attempts; each ends once."""
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
        """Write down that attempts whose process ended before an outcome was stored may have been
        billed; call it where nothing is in flight but batches and trainings, which outlive their
        process."""
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
        """USD that providers billed the run's attempts, or may have: what the budget counts. The
        time of our own machine, of which the most that can be billed is nothing, is not in it."""
        return sum(self._settled(run_id).values(), Decimal(0))

    def billed_usd(self, run_id: str) -> Decimal:
        """USD that providers billed the run: for its answers, and for trainings without a student
        as far as their provider tells."""
        return self.committed_usd(run_id) - self.possibly_paid_twice_usd(run_id)

    def possibly_paid_twice_usd(self, run_id: str) -> Decimal:
        """The most USD that attempts without an answer may have been billed: their requests were
        asked again."""
        return self._settled(run_id).get("maybe_billed", Decimal(0))

    def _settled(self, run_id: str) -> dict[str, Decimal]:
        rows = self.rows(
            """SELECT result, SUM(usd) FROM outcome JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND worst_usd > 0 GROUP BY result""",
            run_id,
        )
        return dict(rows)

    def mean_usd(self, purpose: str) -> Decimal | None:
        """What an answer of a purpose cost on average, in any run; None before the first."""
        rows = self.rows(
            "SELECT AVG(usd) FROM completion "
            "WHERE request_id IN (SELECT request_id FROM ask WHERE purpose = ?)",
            purpose,
        )
        return None if rows[0][0] is None else Decimal(str(rows[0][0]))

    def spent(self, run_id: str) -> dict[str, Decimal]:
        """Purpose, without the number of its round -> USD of the run's completions, each counted
        once, under the first of its purposes: generation, judges, systems. The time of our machine
        is priced as the run's task says (the view `cost`)."""
        rows = self.rows(
            """SELECT split_part(purpose, '.', 1) AS purpose, SUM(usd) FROM cost
               WHERE run_id = ? GROUP BY ALL""",
            run_id,
        )
        return dict(rows)

    def add_stretch(self, run_id: str, stretch: LoadExtent) -> None:
        """Store who else was at work while our machine answered."""
        self.insert("stretch", [[run_id, *values_of(stretch)]])

    def others_cpu(self, run_id: str) -> dict[str, float]:
        """Purpose -> the share of the processors that other processes took while our machine gave
        the run's answers, the mean over those of which it is known."""
        rows = self.rows(
            """SELECT cost.purpose, AVG(others_cpu) FROM cost
               JOIN completion USING (request_id)
               JOIN stretch ON finished BETWEEN began AND ended
               WHERE cost.run_id = ? AND by_seconds AND others_cpu IS NOT NULL
               GROUP BY cost.purpose""",
            run_id,
        )
        return dict(rows)

    def paces(self) -> list[Pace]:
        """How fast models of our machine answered, by run and purpose without its round's
        number."""
        rows = self.rows(
            """SELECT run_id, model, COUNT(*), SUM(machine_seconds),
                      CASE WHEN purpose LIKE 'generate:%' THEN split_part(purpose, '.', 1)
                           ELSE purpose END AS purpose
               FROM cost JOIN request ON request.id = request_id
               WHERE machine_seconds > 0 GROUP BY ALL"""
        )
        return [
            Pace(run_id, purpose, model, answers, seconds)
            for run_id, model, answers, seconds, purpose in rows
        ]

    def usd_of(self, request_ids: Collection[str]) -> dict[str, Decimal]:
        """Request id -> USD of its completion, for those that have one."""
        rows = self.rows(
            "SELECT request_id, usd FROM completion "
            "WHERE request_id IN (SELECT unnest(?::VARCHAR[]))",
            list(request_ids),
        )
        return dict(rows)

    def add_estimate(self, run_id: str, usd: Decimal, certain_usd: Decimal) -> None:
        """Write down what the run is expected to be billed, and how much of it does not hang on
        inputs that are not made yet; the first estimate stays."""
        self.insert("estimate", [[run_id, usd, now(), certain_usd]])

    def estimate_usd(self, run_id: str) -> Decimal | None:
        """USD that the run was expected to be billed; None for a run of before there were plans."""
        rows = self.rows("SELECT usd FROM estimate WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None

    def certain_usd(self, run_id: str) -> Decimal | None:
        """USD of the estimate that do not hang on inputs that were not made yet; None where the
        estimate did not say."""
        rows = self.rows("SELECT certain_usd FROM estimate WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None
