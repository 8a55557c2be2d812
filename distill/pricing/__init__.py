"""Prices of tokens, fine-tuning and machines, the break-even, and providers' terms of use."""
