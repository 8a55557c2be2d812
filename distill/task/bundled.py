"""The bundled tasks: in the repository's `prompts/`, or among the data of an installed package."""

import re
import shutil
import sysconfig
from pathlib import Path

import distill
from distill.core.errors import InvalidInput, Problem
from distill.core.suggestions import did_you_mean
from distill.task.whole_files import new_folder

BUNDLED = ("classify", "extract", "generate", "policy")
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
        said, fix = "--like: no bundled task is installed", "get one from the repository"
        raise InvalidInput(Problem(said, key="--like", fix=fix))
    if like not in BUNDLED:
        told = f"--like: no bundled task {like!r}; there are {', '.join(BUNDLED)}"
        raise InvalidInput(Problem(told, key="--like", fix=did_you_mean(like, BUNDLED)))
    folder = prompts / name
    with new_folder(folder) as partial:
        shutil.copytree(known / like, partial, dirs_exist_ok=True)
        path = partial / "task.toml"
        text = re.sub(r"(?m)^name = .*$", f'name = "{name}"', path.read_text("utf-8"), count=1)
        path.write_text(text, encoding="utf-8")
    return folder
