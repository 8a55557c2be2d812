"""The trainers' child process: `python -m lora JOB.json`, with an interpreter of its own.

The child reads a job (see `TrainJob`) whose rows are chat JSON lines. It writes `adapter/` and
`merged/` to the job's `out`, and progress as JSON lines to its `progress` file. It imports no other
module of this project, because the project may not be installed for its interpreter.
"""
