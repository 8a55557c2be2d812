"""The trainers' child processes: `python -m training.lora JOB.json`, or `training.encoder`.

A child reads a job (see `TrainJob`) whose rows are chat JSON lines. It writes weights to the job's
`out`, and progress as JSON lines to its `progress` file. It imports no other module of this
project, because the project may not be installed for its interpreter.
"""
