"""Labels for test rows, given by people to texts from production: `distill label`.

- `pool`: the texts, in a random order that every call continues.
- `session`: which text comes next, and what a person said about it, written at once.
- `answers`: from a key or a typed line to a label, an object or a text.
- `spreadsheet`: the same rows out as CSV, and back in.

A labelled text becomes a row of `gold.jsonl` with the day on which it was drawn. It remains in
`inputs.jsonl`, where it no longer counts (`Task.unlabelled`).
"""
