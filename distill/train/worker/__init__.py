"""What child processes run: this folder is all of the project that they have in their path."""
