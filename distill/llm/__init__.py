"""Requests → completions: models, providers, the ledger, the budget, rate limits and batches."""
