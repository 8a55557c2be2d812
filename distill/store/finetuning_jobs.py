"""The stored fine-tuning jobs at providers.

A job is recorded before it is created and after it ends.
"""

from decimal import Decimal

from distill.store.tables import Rows, now


class Trainings(Rows):
    """The table of fine-tuning jobs.

    A job's attempt has its maximum cost, and its outcome has the actual cost. A job's `tag` is a
    hash of rows, base and recipe.
    """

    def begin_training(self, run_id: str, tag: str, attempt_id: str, worst_usd: Decimal) -> None:
        """Record a fine-tuning job before it is created."""
        with self.transaction():
            self.insert("attempt", [[attempt_id, run_id, tag, worst_usd, now()]], known_new=True)
            self.insert("training", [[attempt_id, tag]], known_new=True)

    def training_out(self, run_id: str, tag: str) -> str | None:
        """Return the id of the latest attempt of the tag that has no outcome; None without one."""
        rows = self.rows(
            """SELECT attempt_id FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag = ? AND attempt_id NOT IN (SELECT attempt_id FROM outcome)
               ORDER BY started DESC""",
            run_id,
            tag,
        )
        return rows[0][0] if rows else None

    def trainings_out(self) -> list[tuple[str, str]]:
        """List all fine-tuning jobs without an outcome, as (attempt id, tag)."""
        return [
            (attempt_id, tag)
            for attempt_id, tag in self.rows(
                "SELECT attempt_id, tag FROM training "
                "WHERE attempt_id NOT IN (SELECT attempt_id FROM outcome) ORDER BY tag"
            )
        ]

    def trainings_out_usd(self, run_id: str, *, but: str = "") -> Decimal:
        """Return the total maximum USD of the run's fine-tuning jobs without an outcome.

        Jobs with the tag `but` are excluded. Returns 0 if there are no such jobs.
        """
        rows = self.rows(
            """SELECT SUM(worst_usd) FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag <> ? AND attempt_id NOT IN (SELECT attempt_id FROM outcome)
            """,
            run_id,
            but,
        )
        return rows[0][0] or Decimal(0)

    def has_training(self, run_id: str) -> bool:
        """True if the run has recorded a fine-tuning job, finished or not."""
        rows = self.rows(
            """SELECT 1 FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? LIMIT 1""",
            run_id,
        )
        return bool(rows)

    def forget_training(self, attempt_id: str) -> None:
        """Record a job as maybe billed at its maximum cost, because it is no longer followed."""
        self.rows(
            """INSERT INTO outcome SELECT id, 'maybe_billed', worst_usd, 'forgotten', ?
               FROM attempt WHERE id = ?""",
            now(),
            attempt_id,
        )

    def end_training(self, attempt_id: str, usd: Decimal, model: str) -> None:
        """Record the bill of a job that made `model`; `usd` is 0 if another attempt paid for it."""
        result = "answered" if usd else "not_billed"
        self.insert("outcome", [[attempt_id, result, usd, model, now()]])

    def end_uncounted_training(self, attempt_id: str, most_usd: Decimal, model: str) -> None:
        """Record the maximum bill of a job that made `model`, if the actual bill is unknown."""
        self.insert("outcome", [[attempt_id, "maybe_billed", most_usd, model, now()]])

    def end_without_student(self, attempt_id: str, usd: Decimal, why: str) -> None:
        """Record the bill, usually 0, of a failed or cancelled job; `why` is the reason."""
        result = "ended" if usd else "not_billed"
        self.insert("outcome", [[attempt_id, result, usd, why, now()]])

    def training_usd(self, run_id: str, tag: str) -> Decimal:
        """Return the USD that the run was billed for jobs with the tag; 0 if nothing.

        Jobs without a student are included. Jobs that were only maybe billed are excluded.
        """
        rows = self.rows(
            """SELECT SUM(outcome.usd) FROM training JOIN outcome USING (attempt_id)
               JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag = ? AND result <> 'maybe_billed'""",
            run_id,
            tag,
        )
        return rows[0][0] or Decimal(0)

    def is_training_billed(self, run_id: str, tag: str) -> bool:
        """True if the run was billed a known amount for a job that made a student of the tag."""
        rows = self.rows(
            """SELECT 1 FROM training JOIN outcome USING (attempt_id)
               JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag = ? AND outcome.usd > 0 AND result = 'answered' LIMIT 1""",
            run_id,
            tag,
        )
        return bool(rows)

    def training_paid_by(self, tag: str) -> set[str]:
        """Return the runs that were billed, or maybe billed, for a student of the tag."""
        rows = self.rows(
            """SELECT DISTINCT run_id FROM training JOIN outcome USING (attempt_id)
               JOIN attempt ON attempt.id = attempt_id
               WHERE tag = ? AND outcome.usd > 0 AND result <> 'ended'""",
            tag,
        )
        return {row[0] for row in rows}
