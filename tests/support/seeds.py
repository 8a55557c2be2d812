"""One test case for many random seeds: the same tests, without what pytest does around each."""

from collections.abc import Callable


def for_seeds(seeds: range) -> Callable[[Callable[[int], None]], Callable[[], None]]:
    """Test with each of the seeds in one case; a failure names its seed."""

    def of_all(test: Callable[[int], None]) -> Callable[[], None]:
        def test_all() -> None:
            for seed in seeds:
                try:
                    test(seed)
                except Exception as error:
                    error.add_note(f"with seed {seed}")
                    raise

        test_all.__name__, test_all.__doc__ = test.__name__, test.__doc__
        return test_all

    return of_all
