"""Run the command line with scripted backends, and die by kill -9 in the write that ends a stage.

`python -m tests.support.scripted_run STAND-IN-URL STAGE ARGUMENT…`: the arguments are those of
`distill`, the stand-in is one that a test has started; with `-` for the stage it lives.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence

import pytest

from distill import cli, pipeline
from distill.store import Store
from distill.task.run_context import Context
from tests.support import runs, scripted
from tests.support.standin import StandIn

NO_STAGE = "-"
IMPORTS = ("openai", "scipy.stats", "sklearn.feature_extraction.text", "sklearn.linear_model")


def dying(stage: Callable[[Context], pipeline.Write]) -> Callable[[Context], pipeline.Write]:
    """A stage that ends this process inside the transaction that would end the stage."""

    def work(context: Context) -> pipeline.Write:
        write = stage(context)

        def write_and_die(store: Store) -> None:
            write(store)
            os.kill(os.getpid(), signal.SIGKILL)

        return write_and_die

    return work


def main(arguments: Sequence[str]) -> None:
    """Run `distill` with the arguments behind the stand-in's address and the stage."""
    url, doomed, *sys.argv[1:] = arguments
    patch = pytest.MonkeyPatch()
    scripted.replace_backends(patch, StandIn(url))
    runs.draw_no_charts(patch)
    runs.load_lightly(patch)
    runs.probe_lightly(patch)
    if doomed != NO_STAGE:
        pipeline.STAGES[doomed] = dying(pipeline.STAGES[doomed])
    cli.main()


if __name__ == "__main__":
    main(sys.argv[1:])
