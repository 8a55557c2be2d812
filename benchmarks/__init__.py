"""Measurements: each is one command, whose last line is one JSON object with every figure."""
