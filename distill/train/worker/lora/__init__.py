"""The trainers' child: `python -m lora JOB.json`, with an interpreter of its own.

In: a job (see `TrainJob`) whose rows are chat JSON lines. Out: `adapter/` and `merged/` in the
job's `out`, and JSON lines of progress in its `progress` file. The child imports nothing of this
project, since its interpreter may not have the project installed.
"""
