"""Prices of tokens, trainings and machines in USD as Decimal; break-even; providers' terms."""
