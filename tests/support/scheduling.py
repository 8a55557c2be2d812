"""Which worker runs which tests with models."""

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # it has no types

STARTS_VLLM = ("test_end_to_end.py", "test_real_server.py")


class OneServer(LoadFileScheduling):  # type: ignore[misc]  # for the same reason
    """Tests that start vLLM are in one worker, since it binds its threads to all cores; the others
    go wherever nothing is left to do."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "vllm" if file.endswith(STARTS_VLLM) else nodeid
