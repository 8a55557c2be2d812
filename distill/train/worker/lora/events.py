"""Progress of the child as JSON lines for the parent."""

import json
import os
import time
from pathlib import Path
from typing import Any

Job = dict[str, Any]

BEGAN = time.monotonic()


def tell(job: Job, event: dict[str, Any]) -> None:
    """Append one event in one write, with the seconds that this process has worked."""
    event |= {"seconds": round(time.monotonic() - BEGAN, 3)}
    with Path(job["progress"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")
        file.flush()
        os.fsync(file.fileno())
