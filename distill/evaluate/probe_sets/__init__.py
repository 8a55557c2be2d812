"""The data files of the regression probes."""
