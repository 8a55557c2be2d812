"""Trainings that a provider bills, recorded before they are sent and after they end."""

from decimal import Decimal

from distill.store.tables import Rows, now


class Trainings(Rows):
    """The rows of trainings.

    An attempt holds the maximum cost of a training, an outcome its actual cost.
    """

    def begin_training(self, run_id: str, tag: str, attempt_id: str, worst_usd: Decimal) -> None:
        """Record a training that is about to be sent."""
        with self.transaction():
            self.insert("attempt", [[attempt_id, run_id, tag, worst_usd, now()]], known_new=True)
            self.insert("training", [[attempt_id, tag]], known_new=True)

    def training_out(self, run_id: str, tag: str) -> str | None:
        """Return the id of the training's latest attempt without an outcome; None without one."""
        rows = self.rows(
            """SELECT attempt_id FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag = ? AND attempt_id NOT IN (SELECT attempt_id FROM outcome)
               ORDER BY started DESC""",
            run_id,
            tag,
        )
        return rows[0][0] if rows else None

    def trainings_out(self) -> list[tuple[str, str]]:
        """List (attempt, tag) of all trainings without an outcome."""
        return [
            (attempt_id, tag)
            for attempt_id, tag in self.rows(
                "SELECT attempt_id, tag FROM training "
                "WHERE attempt_id NOT IN (SELECT attempt_id FROM outcome) ORDER BY tag"
            )
        ]

    def trainings_out_usd(self, run_id: str, *, but: str = "") -> Decimal:
        """Return the maximum USD of the run's trainings without an outcome.

        Trainings of the tag `but` are excluded. Returns 0 if there are none.
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
        """True if the run has begun a training that a provider bills."""
        rows = self.rows(
            """SELECT 1 FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? LIMIT 1""",
            run_id,
        )
        return bool(rows)

    def forget_training(self, attempt_id: str) -> None:
        """Record a training as billed at its maximum cost, since no process follows it any more."""
        self.rows(
            """INSERT INTO outcome SELECT id, 'maybe_billed', worst_usd, 'forgotten', ?
               FROM attempt WHERE id = ?""",
            now(),
            attempt_id,
        )

    def end_training(self, attempt_id: str, usd: Decimal, model: str) -> None:
        """Record the bill of a training that made a `model`; 0 if it was paid before."""
        result = "answered" if usd else "not_billed"
        self.insert("outcome", [[attempt_id, result, usd, model, now()]])

    def end_uncounted_training(self, attempt_id: str, most_usd: Decimal, model: str) -> None:
        """Record the maximum bill of a training that made a `model`.

        Use this if the provider does not give the bill.
        """
        self.insert("outcome", [[attempt_id, "maybe_billed", most_usd, model, now()]])

    def end_without_student(self, attempt_id: str, usd: Decimal, why: str) -> None:
        """Record the bill of a failed or cancelled training, usually 0."""
        result = "ended" if usd else "not_billed"
        self.insert("outcome", [[attempt_id, result, usd, why, now()]])

    def training_usd(self, run_id: str, tag: str) -> Decimal:
        """Return the USD billed to the run for the trainings of a tag.

        Trainings without a student count. Trainings that were only maybe billed do not count.
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
        """True if the run was billed a known amount for a student of the tag."""
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
