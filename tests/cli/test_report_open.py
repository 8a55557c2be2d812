"""`distill report --open`: the page in the browser."""

import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from distill.core.workspace import Workspace
from tests.conftest import WriteTask
from tests.support.command import invoke
from tests.support.runs import finished
from tests.support.standin import StandIn

SAID = {True: "opened in the browser", False: "no browser was found here; open it yourself"}


@pytest.mark.parametrize("opens", [True, False])
def test_the_page_is_opened_and_its_path_printed(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,
) -> None:
    pets()
    folder = finished(workspace, "pets").context.folder
    opened: list[str] = []

    def browser(url: str) -> bool:
        opened.append(url)
        return opens

    monkeypatch.setattr(webbrowser, "open", browser)
    result = invoke(workspace, "report", "pets", "--open")
    assert result.exit_code == 0
    (url,) = opened
    assert Path(unquote(urlsplit(url).path)) == (folder / "report.html").resolve()
    assert f"{folder / 'report.html'}: {SAID[opens]}" in result.stderr
    assert result.stdout.rstrip().endswith(str(folder / "report.html"))
    assert invoke(workspace, "report", "pets").exit_code == 0
    assert len(opened) == 1, "only --open opens it"
