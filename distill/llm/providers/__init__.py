"""Providers of models: one module for each, entered in `SOURCES` of `core/model_ref.py`."""
