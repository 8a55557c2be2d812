"""Detection and replacement of personal data and secrets in a text."""
