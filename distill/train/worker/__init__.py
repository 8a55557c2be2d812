"""The programs of child processes, which can import only this folder of the project."""
