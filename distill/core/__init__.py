"""Records, errors, folders and locks, progress and child processes: what every package uses."""
