"""A fine-tuned encoder with a head over labels: writes `model/` and `answers.json`."""
