"""Rehearsals: whole runs against a stand-in for the provider on loopback."""
