"""Programs of child processes, whose import path holds only this folder of the project."""
