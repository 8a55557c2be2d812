"""Records, errors, folders, locks, progress and child processes that every package uses."""
