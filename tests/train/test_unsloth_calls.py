"""Our calls into Unsloth against the signatures of the package that is installed: what only a card
runs is checked here, too. Read as text, since importing it takes longer than all other tests."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from distill.train.worker.training.lora import loading

# Where the methods of FastLanguageModel are defined: (file, class). Loading is handed on.
DEFINED = {
    "from_pretrained": [
        ("models/loader.py", "FastLanguageModel"),
        ("models/llama.py", "FastLlamaModel"),
    ],
    "get_peft_model": [("models/llama.py", "FastLlamaModel")],
}
LOADS = ("FastLanguageModel.from_pretrained", "AutoModelForCausalLM.from_pretrained")


def calls() -> dict[str, set[str]]:
    """Method of FastLanguageModel → the keywords that we call it with."""
    assert loading.__file__ is not None
    tree = ast.parse(Path(loading.__file__).read_text(encoding="utf-8"))
    return {
        call.func.attr: {str(keyword.arg) for keyword in call.keywords}
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "FastLanguageModel"
    }


def definition(file: str, class_name: str, method: str) -> ast.FunctionDef:
    """An installed method."""
    spec = find_spec("unsloth")
    assert spec is not None and spec.origin is not None
    text = (Path(spec.origin).parent / file).read_text(encoding="utf-8")
    (found,) = (
        function
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and node.name == class_name
        for function in node.body
        if isinstance(function, ast.FunctionDef) and function.name == method
    )
    return found


def taken(file: str, class_name: str, method: str) -> set[str]:
    """The named parameters of an installed method, and what it looks up in its others."""
    found = definition(file, class_name, method)
    looked_up = {
        node.args[0].value
        for node in ast.walk(found)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("get", "pop")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    named = {argument.arg for argument in (*found.args.args, *found.args.kwonlyargs)}
    return named | {str(name) for name in looked_up}


def test_every_method_that_we_call_is_looked_at() -> None:
    assert calls().keys() == DEFINED.keys()


@pytest.mark.parametrize("method", list(DEFINED))
def test_every_keyword_is_one_of_its(method: str) -> None:
    assert len(calls()[method]) >= 4
    known = set[str]().union(*(taken(*place, method) for place in DEFINED[method]))
    assert calls()[method] <= known


@pytest.mark.parametrize("method", list(DEFINED))
def test_what_a_method_does_not_know_is_handed_on(method: str) -> None:
    for file, class_name in DEFINED[method]:
        assert "**kwargs" in ast.unparse(definition(file, class_name, method).args)


def test_unsloth_opens_safetensors_alone() -> None:
    assert loading.__file__ is not None
    text = Path(loading.__file__).read_text(encoding="utf-8")
    loads = [
        {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in LOADS
    ]
    assert len(loads) == 2
    for keywords in loads:
        assert keywords["use_safetensors"] == keywords["local_files_only"] == "True"
        assert keywords["trust_remote_code"] == "False"
