"""Providers of models: one module for each, listed in `SOURCES` of `core/model_ref.py`."""
