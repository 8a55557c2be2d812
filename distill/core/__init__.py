"""Shared records, errors, folders, locks, progress output and child processes."""
