"""The regression probes, as data files."""
