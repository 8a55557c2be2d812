"""The bundled tasks: in the repository's `prompts/`, or among the data of an installed package."""

import re
import shutil
import sysconfig
from pathlib import Path

import distill
from distill.core.errors import InputError
from distill.core.suggestions import did_you_mean

BUNDLED = ("classify", "extract", "generate")
INSTALLED = Path("share") / "distillation-factory" / "prompts"


def bundled_prompts() -> Path | None:
    """Return the folder of the bundled tasks; None if it was not installed."""
    checkout = Path(distill.__file__).parents[1] / "prompts"
    installed = Path(sysconfig.get_path("data")) / INSTALLED
    return next((path for path in (checkout, installed) if (path / BUNDLED[0]).is_dir()), None)


def copy_bundled(prompts: Path, name: str, like: str) -> Path:
    """Copy a bundled task to a new name, and return its folder.

    Raises InputError for an unknown task, and if the folder exists.
    """
    known = bundled_prompts()
    if known is None:
        raise InputError("--like: no bundled task is installed: get one from the repository")
    if like not in BUNDLED:
        told = f"--like: no bundled task {like!r}; there are {', '.join(BUNDLED)}"
        meant = did_you_mean(like, BUNDLED)
        raise InputError(f"{told}; {meant}" if meant else told)
    folder = prompts / name
    if folder.exists():
        raise InputError(f"{folder}/ already exists: choose another name")
    prompts.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(known / like, partial)
        path = partial / "task.toml"
        text = re.sub(r"(?m)^name = .*$", f'name = "{name}"', path.read_text("utf-8"), count=1)
        path.write_text(text, encoding="utf-8")
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
