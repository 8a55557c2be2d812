"""Distil a large teacher into a small, cheap student for one narrow task.

Start reading at `distill.pipeline`.
"""

__version__ = "0.2.0"
