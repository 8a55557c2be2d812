"""Trainings that a provider bills: begun before they are sent, ended with what was billed."""

from decimal import Decimal

from distill.store.tables import Rows, now


class Trainings(Rows):
    """The rows of trainings; what each may cost is an attempt, what it cost an outcome."""

    def begin_training(self, run_id: str, tag: str, attempt_id: str, worst_usd: Decimal) -> None:
        """Write down that a training is about to be sent."""
        with self.transaction():
            self.insert("attempt", [[attempt_id, run_id, tag, worst_usd, now()]], known_new=True)
            self.insert("training", [[attempt_id, tag]], known_new=True)

    def training_out(self, run_id: str, tag: str) -> str | None:
        """The attempt of the run's training that was begun and of which no end is known."""
        rows = self.rows(
            """SELECT attempt_id FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag = ? AND attempt_id NOT IN (SELECT attempt_id FROM outcome)
               ORDER BY started DESC""",
            run_id,
            tag,
        )
        return rows[0][0] if rows else None

    def trainings_out(self) -> list[tuple[str, str]]:
        """(attempt, tag) of all trainings of which no end is known."""
        return [
            (attempt_id, tag)
            for attempt_id, tag in self.rows(
                "SELECT attempt_id, tag FROM training "
                "WHERE attempt_id NOT IN (SELECT attempt_id FROM outcome) ORDER BY tag"
            )
        ]

    def trainings_out_usd(self, run_id: str, *, but: str = "") -> Decimal:
        """USD that the run's trainings of which no end is known may be billed, `but` for those of a
        tag."""
        rows = self.rows(
            """SELECT SUM(worst_usd) FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag <> ? AND attempt_id NOT IN (SELECT attempt_id FROM outcome)
            """,
            run_id,
            but,
        )
        return rows[0][0] or Decimal(0)

    def has_training(self, run_id: str) -> bool:
        """Has the run begun a training that a provider was to bill?"""
        rows = self.rows(
            """SELECT 1 FROM training JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? LIMIT 1""",
            run_id,
        )
        return bool(rows)

    def forget_training(self, attempt_id: str) -> None:
        """Count a training as billed the most that it can cost, since nobody looks after it."""
        self.rows(
            """INSERT INTO outcome SELECT id, 'maybe_billed', worst_usd, 'forgotten', ?
               FROM attempt WHERE id = ?""",
            now(),
            attempt_id,
        )

    def end_training(self, attempt_id: str, usd: Decimal, model: str) -> None:
        """Write down what a training that made a `model` was billed; nothing for one that was paid
        for before."""
        result = "answered" if usd else "not_billed"
        self.insert("outcome", [[attempt_id, result, usd, model, now()]])

    def end_uncounted_training(self, attempt_id: str, most_usd: Decimal, model: str) -> None:
        """Write down the most that a training that made a `model` may have been billed, where its
        provider does not say."""
        self.insert("outcome", [[attempt_id, "maybe_billed", most_usd, model, now()]])

    def end_without_student(self, attempt_id: str, usd: Decimal, why: str) -> None:
        """Write down what a training was billed that failed or was cancelled: mostly nothing."""
        result = "ended" if usd else "not_billed"
        self.insert("outcome", [[attempt_id, result, usd, why, now()]])

    def training_usd(self, run_id: str, tag: str) -> Decimal:
        """USD that the run was billed for the trainings of a tag, those without a student too; none
        of what it may have been."""
        rows = self.rows(
            """SELECT SUM(outcome.usd) FROM training JOIN outcome USING (attempt_id)
               JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag = ? AND result <> 'maybe_billed'""",
            run_id,
            tag,
        )
        return rows[0][0] or Decimal(0)

    def is_training_billed(self, run_id: str, tag: str) -> bool:
        """Whether the run was billed for a student of the tag, and knows how much."""
        rows = self.rows(
            """SELECT 1 FROM training JOIN outcome USING (attempt_id)
               JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND tag = ? AND outcome.usd > 0 AND result = 'answered' LIMIT 1""",
            run_id,
            tag,
        )
        return bool(rows)

    def training_paid_by(self, tag: str) -> set[str]:
        """The runs that were billed for a student of the tag, or may have been."""
        rows = self.rows(
            """SELECT DISTINCT run_id FROM training JOIN outcome USING (attempt_id)
               JOIN attempt ON attempt.id = attempt_id
               WHERE tag = ? AND outcome.usd > 0 AND result <> 'ended'""",
            tag,
        )
        return {row[0] for row in rows}
