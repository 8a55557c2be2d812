"""What a model is asked to see whether fine-tuning broke anything, as data."""
