"""Models, providers, batches, the spend ledger and rate limits: from requests to completions."""
