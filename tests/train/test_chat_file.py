"""`distill validate`: every rule by a real file, and never milder than the stand-in for OpenAI."""

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from distill.cli import cli
from distill.core.dataset import Example, SplitExample
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.llm.tokens import PER_MESSAGE, of_text
from distill.pricing.finetuning import TUNABLE
from distill.rehearsal.provider.errors import ApiError
from distill.rehearsal.provider.openai_files import _check
from distill.rehearsal.provider.openai_finetuning import _file_problem
from distill.rehearsal.provider.state import StoredFile
from distill.serve.context_length import at_most
from distill.train import _write_rows
from distill.train.chat_file import Checked, figures, read, refuse, words
from distill.train.chat_file.statistics import estimates, statistics
from tests.cli.test_cli import process
from tests.conftest import WriteTask, pet_rows
from tests.support.command import json_rows

CONTEXT = 1024
FEW = "fewer than 10"

Check = Callable[[bytes | list[Any]], Checked]


def chat(text: str, answer: str, system: str = "Which pet?") -> dict[str, Any]:
    """A row of three messages."""
    turns = [("system", system), ("user", text), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def pets_rows(count: int = 4) -> list[dict[str, Any]]:
    """Three times `count` good rows."""
    return [chat(row["input"], row["label"]) for row in pet_rows("seed", count)]


def encoded(rows: list[Any], end: str = "\n", *, ascii_only: bool = False) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=ascii_only) + end for row in rows).encode()


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Checks a file of these bytes or rows."""

    def checked(content: bytes | list[Any]) -> Checked:
        path = tmp_path / "examples.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else encoded(content))
        return read(path, CONTEXT)

    return checked


def message(**changes: Any) -> dict[str, Any]:
    """A row whose first message has these fields too, or instead; None leaves one out."""
    row = chat("a cat", "cats")
    fields = {"role": "user", "content": "hello"} | changes
    row["messages"][0] = {key: value for key, value in fields.items() if value is not None}
    return row


def answered(**changes: Any) -> dict[str, Any]:
    """A row whose answer has these fields too, or instead."""
    row = chat("a cat", "cats")
    row["messages"][-1] |= changes
    return row


def test_a_good_file_has_neither_errors_nor_warnings(check: Check) -> None:
    checked = check(pets_rows())
    assert (checked.errors, checked.warnings) == ((), ())
    assert [row.line for row in checked.rows] == list(range(1, 13))


BAD_ROWS: list[tuple[Any, str]] = [
    ([], "is not a JSON object"),
    ("text", "is not a JSON object"),
    (None, "is not a JSON object"),
    ({}, '"messages" is missing'),
    ({"messages": []}, "must be a list that is not empty"),
    ({"messages": {}}, "must be a list"),
    ({"messages": None}, "must be a list"),
    ({"messages": ["hello"]}, "messages[0] must be an object"),
    (chat("a cat", "cats") | {"id": 7}, "the row: unknown key 'id'"),
    (chat("a cat", "cats") | {"tools": []}, "the row: unknown key 'tools'"),
    ({"prompt": "a cat", "completion": "cats"}, "unknown key 'prompt'"),
    (message(role=None), 'messages[0]: "role" is missing; known: system'),
    (message(role="robot"), "messages[0]: unknown role 'robot'; known: system"),
    (message(role="tool"), "unknown role 'tool'"),
    (message(role=["user"]), "unknown role ['user']"),
    (message(content=None), 'messages[0]: "content" is missing'),
    (message(content=" \n\t"), "messages[0].content is empty"),
    (message(content=7), "messages[0].content must be a string, not 7"),
    (message(content=[{"type": "text", "text": "x"}]), "messages[0].content must be a string"),
    (message(name=""), "messages[0].name is empty"),
    (message(name=7), "messages[0].name must be a string"),
    (message(colour="red"), "messages[0]: unknown key 'colour'"),
    (message(weight=1), "only the assistant's messages"),
    (answered(weight=2), "messages[2].weight must be 0"),
    (answered(weight=0.5), "messages[2].weight must be 0"),
    (answered(weight=True), "messages[2].weight must be 0"),
    (answered(weight="1"), "messages[2].weight must be 0"),
    (answered(weight=0), "all of the assistant's messages have weight 0"),
    (answered(content=""), "messages[2].content is empty"),
    (answered(content="\u2003"), "messages[2].content is empty"),
    (answered(tool_calls=[]), "unknown key 'tool_calls'"),
    (answered(role="user"), "the last message must be the assistant's"),
    ({"messages": [{"role": "user", "content": "x"}]}, "the last message must be the assistant's"),
]


@pytest.mark.parametrize(("row", "said"), BAD_ROWS)
def test_a_bad_row_is_named_with_its_line(check: Check, row: Any, said: str) -> None:
    checked = check([*pets_rows(), row])
    assert {error.lines for error in checked.errors} == {(13,)}
    assert any(said in error.message for error in checked.errors), checked.errors
    assert len(checked.rows) == 12


GOOD_ROWS: list[Any] = [
    message(name="Ada"),
    message(role="developer", content="Which pet?"),
    answered(weight=1),
    {"messages": [{"role": "assistant", "content": "cats"}]},
]


@pytest.mark.parametrize("row", GOOD_ROWS)
def test_a_row_that_openai_takes_is_no_error(check: Check, row: Any) -> None:
    checked = check([*pets_rows(), row])
    assert checked.errors == () and len(checked.rows) == 13


GOOD = encoded(pets_rows())
BAD_FILES = [
    (b"", (), "has no line"),
    (b"\n", (1,), "is empty: remove"),
    (GOOD + b"\n", (13,), "is empty: remove"),
    (GOOD + b" \t\n", (13,), "is empty: remove"),
    (b"\xef\xbb\xbf" + GOOD, (1,), "byte order mark"),
    (GOOD + b'{"messages": [\n', (13,), "is not valid JSON at character 15"),
    (GOOD + b'{"messages": [] "x"}\n', (13,), "at character 17: Expecting ','"),
    (GOOD + b"\xef\xbb\xbf" + GOOD, (13,), "is not valid JSON at character 1"),
    (GOOD + b'{"messages": "caf\xe9"}\n', (13,), "is not UTF-8 at byte 18"),
    (GOOD + b'{"messages": "\x00"}\n', (13,), "Invalid control character"),
    (GOOD + b"[" * 200_000 + b"\n", (13,), "is nested too deeply"),
    (GOOD + b'{"messages": ' + b"9" * 5000 + b"}\n", (13,), "5000 digits"),
    (GOOD + b'{"messages": [], "messages": []}\n', (13,), "key 'messages' occurs twice"),
    (GOOD + b'{"messages": NaN}\n', (13,), "must be a list"),
]


@pytest.mark.parametrize(("content", "lines", "said"), BAD_FILES)
def test_a_bad_file_is_named_with_its_line(
    check: Check, content: bytes, lines: tuple[int, ...], said: str
) -> None:
    (error,) = check(content).errors
    assert error.lines == lines
    assert said in error.message


def test_a_file_that_is_utf_16_or_one_array_is_refused(check: Check) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (error,) = check(GOOD.decode().encode(encoding)).errors
        assert error.message == "is UTF-16: save it as UTF-8"
    (error,) = check(GOOD.decode().encode("utf-32")).errors
    assert error.message == "is UTF-32: save it as UTF-8"
    for indent in (None, 1):
        (error,) = check(json.dumps(pets_rows(), indent=indent).encode()).errors
        assert "is a JSON array" in error.message and "one object per line" in error.message
    pretty = json.dumps(pets_rows()[0], indent=2).encode()
    assert "write each on one line" in check(pretty).errors[0].message


def test_every_error_of_a_row_is_named(check: Check) -> None:
    row = chat("", "cats")
    row["messages"][0]["role"] = "robot"
    said = [error.message for error in check([*pets_rows(), row]).errors]
    assert [words.split(":")[0].split(" is")[0] for words in said] == [
        "messages[0]",
        "messages[1].content",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "حصان جميل",  # right to left
        "\u202ea cat, backwards",
        "a 🐈\u200d⬛ and a \U0001f9ae",
        "raw\u2028line\u0085ends\x0b\x0c of other kinds",
        "e\u0301\ufeff",
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_odd_texts_are_texts(check: Check, text: str, ascii_only: bool) -> None:
    checked = check(encoded([*pets_rows(), chat(text, text)], ascii_only=ascii_only))
    assert (checked.errors, checked.warnings) == ((), ())
    assert checked.rows[-1].answer == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_of_json_lines_is_one(check: Check, end: str) -> None:
    checked = check(encoded(pets_rows(), end))
    assert (len(checked.rows), checked.errors, checked.warnings) == (12, (), ())


def test_the_last_line_needs_no_end(check: Check) -> None:
    checked = check(GOOD.removesuffix(b"\n"))
    assert (len(checked.rows), checked.errors) == (12, ())


@pytest.mark.parametrize("half", ["\\ud83d", "\\udc08", "\\udc08\\ud83d"])
def test_half_a_surrogate_pair_is_no_text(check: Check, half: str) -> None:
    row = json.dumps(chat("a HALF cat", "cats")).replace("HALF", half).encode()
    (error,) = check(GOOD + row + b"\n").errors
    assert error.lines == (13,)
    assert f"messages[1].content has half of a surrogate pair, '{half[:6]}'" in error.message
    assert "at character 3" in error.message
    whole = row.replace(half.encode(), b"\\ud83d\\udc08")
    assert check(GOOD + whole + b"\n").errors == ()


def test_a_row_of_a_megabyte_is_read_and_warned_of(check: Check) -> None:
    checked = check([*pets_rows(), chat("miaow " * 170_000, "cats")])
    assert checked.errors == ()
    said = [warning.message for warning in checked.warnings]
    assert [warning.lines for warning in checked.warnings] == [(13,), (13,)]
    assert "65,536 tokens: OpenAI cuts" in said[0]
    assert "1,024 tokens of the default" in said[1] and "too long for a local" in said[1]


def test_the_context_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_bytes(GOOD)
    assert read(path, 300).warnings == ()
    (warning,) = read(path, 4).warnings
    assert "more than 4 tokens" in warning.message and len(warning.lines) == 12


@pytest.mark.parametrize("text", ["ส่งของมาผิดครับ " * 60, "አማርኛ ቋንቋ " * 60, "aGVsbG8gd29ybGQ9" * 80])
def test_a_row_that_bytes_make_long_is_warned_of_without_a_tokenizer(
    check: Check, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DISTILL_MODELS", "/nowhere")
    message, lines = only_warning(check([*pets_rows(), chat(text, "cats")]))
    assert message.startswith("perhaps more than 1,024 tokens") and lines == (13,)
    prose = "Where is the parcel that I ordered on Monday for my sister? " * 40
    assert at_most(prose) < 2.5 * of_text(prose)


def only_warning(checked: Checked) -> tuple[str, tuple[int, ...]]:
    """The one warning of a file without errors."""
    assert checked.errors == ()
    (warning,) = checked.warnings
    return warning.message, warning.lines


def test_too_few_examples_for_openai(check: Check) -> None:
    assert only_warning(check(pets_rows(3))) == (
        "9 examples: OpenAI refuses a training file with fewer than 10; the local trainers take it",
        (),
    )
    assert check([*pets_rows(3), chat("one more", "cats")]).warnings == ()


def test_an_answer_of_one_character(check: Check) -> None:
    message, lines = only_warning(check([*pets_rows(), chat("a cat", " c "), chat("dog", "ok")]))
    assert "an answer of one character" in message and lines == (13,)


def test_equal_rows_are_named_by_their_lines(check: Check) -> None:
    twins = [chat("Feed the cat", "cats"), chat("a dog", "dogs"), chat(" feed\nTHE cat ", "CATS")]
    spelling, twice = check([*pets_rows(), *twins]).warnings
    assert "2 spellings of one answer" in spelling.message and spelling.lines == (15,)
    assert "the same row" in twice.message and twice.lines == (13, 15)


def test_a_row_that_repeats_the_one_above_is_counted_and_not_warned_of(check: Check) -> None:
    checked = check([row for row in pets_rows() for _ in range(2)])
    assert checked.warnings == ()
    assert statistics(checked.rows).repeated == 12
    again = check([*pets_rows(), pets_rows()[0]])
    assert only_warning(again)[1] == (1, 13)


def test_the_same_input_with_two_answers_is_a_contradiction(check: Check) -> None:
    rows = [chat("Feed it", "cats"), chat("feed  IT", "dogs"), chat("feed it\n", "Cats")]
    _, contradiction, duplicate = check([*pets_rows(), *rows]).warnings
    assert contradiction.message.startswith("the same input with 2 answers: 'cats', 'dogs';")
    assert contradiction.lines == (13, 14, 15)
    assert duplicate.lines == (13, 15)


def test_the_same_input_under_another_role_is_another(check: Check) -> None:
    other = chat("a cat", "dogs")
    other["messages"][0]["role"] = "user"
    message, lines = only_warning(check([*pets_rows(), chat("a cat", "cats"), other]))
    assert message.startswith("2 system prompts") and lines == (14,)


def test_a_developers_prompt_is_a_system_prompt(check: Check) -> None:
    other = chat("a cat", "cats", "Which pet is it?")
    other["messages"][0]["role"] = "developer"
    message, lines = only_warning(check([*pets_rows(), other]))
    assert message.startswith("2 system prompts") and lines == (13,)
    other["messages"][0]["content"] = "Which pet?"
    assert check([*pets_rows(), other]).warnings == ()


def test_more_than_one_system_prompt(check: Check) -> None:
    rows = [chat("a cat", "cats", "Which pet is it?"), {"messages": chat("x", "cats")["messages"]}]
    del rows[1]["messages"][0]
    message, lines = only_warning(check([*pets_rows(), *rows]))
    assert message.startswith("3 system prompts") and "on 12 of 14 rows" in message
    assert lines == (13, 14)


def test_what_the_local_trainers_learn_otherwise(check: Check) -> None:
    def two_answers(text: str, **first: int) -> dict[str, Any]:
        row = chat(text, "cats")
        more = [{"role": "assistant", "content": "?"} | first, {"role": "user", "content": "so?"}]
        row["messages"][2:2] = more
        return row

    last_unlearnt = two_answers("c")
    last_unlearnt["messages"][-1]["weight"] = 0
    rows = [two_answers("a", weight=0), two_answers("b"), last_unlearnt]
    checked = check([*pets_rows(), *rows])
    message, lines = only_warning(checked)
    assert "earlier answers, or weights" in message and lines == (14, 15)
    learnt = [row.answer_tokens for row in checked.rows[-3:]]
    assert learnt == [of_text("cats"), of_text("?") + of_text("cats"), of_text("?")]


@pytest.mark.parametrize("name", ["Jane Doe", "jané", "a.b", "x" * 65])
def test_a_name_that_openai_refuses_is_an_error(check: Check, name: str) -> None:
    (error,) = check([*pets_rows(), message(name=name)]).errors
    assert "messages[0].name" in error.message and error.lines == (13,)
    assert check([*pets_rows(), message(name="Jane_Doe-1")]).errors == ()


@pytest.mark.parametrize(
    ("text", "answer", "said"),
    [
        ("a cat", "cats</s>", "</s>"),
        ("a cat", "cats<|endoftext|>", "<|endoftext|>"),
        ("hi<|im_end|>\n<|im_start|>assistant", "cats", "<|im_end|>, <|im_start|>"),
        ("hi <end_of_turn>", "cats", "<end_of_turn>"),
        ("[INST] hi [/INST]", "cats", "[INST], [/INST]"),
        ("<|eot_id|>", "cats", "<|eot_id|>"),
        ("a cat", "<think>it says cat</think>cats", "a thinking block in an answer"),
        ("a cat", "cats<end_of_utterance>", "<end_of_utterance>"),
        ("a cat", "cats[EOS]", "[EOS]"),
        ("a cat", "cats\n### Instruction: more", "### Instruction:"),
        ("<|turn>user", "cats<turn|>", "<|turn>, <turn|>"),
        ("a cat", "<scratchpad>it says cat</scratchpad>cats", "a thinking block in an answer"),
        ("a cat", "◁think▷it says cat◁/think▷cats", "a thinking block in an answer"),
        ("a cat", "<seed:think>it says cat</seed:think>cats", "a thinking block in an answer"),
        ("ä½\u00a0å¥½", "cats", "wrong encoding"),
        ("Mon canapÃ© est lÃ ", "cats", "wrong encoding"),
        ("itâ€™s late", "cats", "wrong encoding"),
        ("caf\ufffd", "cats", "wrong encoding"),
        ("a\x00cat", "cats", "NUL or another control"),
    ],
)
def test_marks_thoughts_and_broken_letters_are_warned_of(
    check: Check, text: str, answer: str, said: str
) -> None:
    checked = check([*pets_rows(), chat(text, answer)])
    found = [warning for warning in checked.warnings if said in warning.message]
    assert [warning.lines for warning in found] == [(13,)] and checked.errors == ()


@pytest.mark.parametrize(
    "text",
    [
        *("Où est-il ? À bientôt — ça va", "1 < 2 > 0", "<b>bold</b>", "Ãgua"),
        *("« Été » — « idéé… », dit-il", "see [1] and <x>", "## heading", "[mask on]"),
    ],
)
def test_letters_and_signs_of_a_language_are_not_warned_of(check: Check, text: str) -> None:
    assert check([*pets_rows(), chat(text, "cats")]).warnings == ()


def test_spellings_of_one_answer_are_warned_of(check: Check) -> None:
    odd = ["cats ", " cats", "Cats", "cats\n", "cats."]
    rows = [chat(f"yet another {n}", answer) for n, answer in enumerate(odd)]
    message, lines = only_warning(check([*pets_rows(), *rows]))
    assert message.startswith("6 spellings of one answer: 'cats'")
    assert "the most frequent is 'cats' (4 of 9)" in message and lines == (13, 14, 15, 16, 17)


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        ("late parcel", "late_parcel"),
        ("late parcel", "late\u00a0parcel"),
        ("cats", "ca\u00adts"),
        ("cats", "cats\u200b"),
        ("cats", "\u201ccats\u201d"),
        ("cats", "\u00abcats\u00bb"),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
    ],
)
def test_an_answer_spelled_in_two_ways_is_warned_of(check: Check, usual: str, odd: str) -> None:
    rows = [chat(f"text {n}", usual) for n in range(11)]
    message, lines = only_warning(check([*rows, chat("another", odd)]))
    assert message.startswith("2 spellings of one answer") and lines == (12,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(chat("x", "y"), indent=1).encode(), "has objects over several lines"),
        (json.dumps({"data": [chat("x", "y")]}, indent=1).encode(), "over several lines"),
        (gzip.compress(b"{}", mtime=0), "is compressed with gzip: unpack it"),
        (b"PAR1\0\0PAR1", "is Parquet"),
        (b"PK\x03\x04\0\0", "is a zip archive or a spreadsheet"),
        ('{"messages": 1}'.encode("utf-32-le"), "is UTF-32: save it as UTF-8"),
        ('{"messages": 1}'.encode("utf-32-be"), "is UTF-32: save it as UTF-8"),
    ],
)
def test_a_file_of_another_form_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_bytes(content)
    (error,) = read(file, 1024).errors
    assert error.message.startswith(said) or said in error.message


def test_nothing_is_asked(check: Check) -> None:
    row = chat("x", "cats")
    del row["messages"][1]
    message, lines = only_warning(check([*pets_rows(), row]))
    assert "no user message" in message and lines == (13,)


def test_the_file_that_we_write_passes(pets: WriteTask, tmp_path: Path) -> None:
    rows = pet_rows("seed", 4)
    examples = [Example(str(n), row["input"], row["label"], "seeds") for n, row in enumerate(rows)]
    split = [SplitExample(example, "train", 2) for example in examples]
    checked = read(_write_rows(tmp_path / "train.jsonl", pets(), split, "train"), CONTEXT)
    assert (checked.errors, checked.warnings) == ((), ())
    assert len(checked.rows) == 24 and statistics(checked.rows).repeated == 12


def test_statistics_are_those_of_the_rows(check: Check) -> None:
    rows = [chat("cat " * number, "cats" if number % 4 else "dogs") for number in range(1, 21)]
    found = statistics(check(rows).rows)
    base = 3 * PER_MESSAGE + of_text("Which pet?") + of_text("cats")
    tokens = found.tokens
    assert (tokens.min, tokens.median, tokens.p95, tokens.max) == (
        base + 1,
        base + 10,
        base + 19,
        base + 20,
    )
    assert tokens.total == 20 * base + sum(range(1, 21))
    assert found.answer_tokens.total == 20 * of_text("cats")
    assert (found.rows, found.messages, found.answers) == (20, 60, 2)
    assert found.top_answers == (("cats", 15), ("dogs", 5))


def test_answers_that_all_differ_are_only_counted(check: Check) -> None:
    found = statistics(check([chat(f"cat {n}", f"answer {n}") for n in range(12)]).rows)
    assert (found.answers, found.top_answers) == (12, ())


def test_a_name_is_counted_too(check: Check) -> None:
    plain, named = check([message(), message(name="Augusta_Ada_King")]).rows
    assert named.tokens == plain.tokens + of_text("Augusta_Ada_King")


@pytest.mark.parametrize(
    ("base", "usd"),
    [
        ("gpt-4o-mini-2024-07-18", "9"),
        ("gpt-4.1-mini-2025-04-14", "15"),
        ("gpt-4o-2024-08-06", "75"),
        ("gpt-4.1-2025-04-14", "75"),
    ],
)
def test_a_million_tokens_cost_three_epochs_of_them(base: str, usd: str) -> None:
    found = {estimate.trainer: estimate for estimate in estimates(1_000_000)}
    assert len(found) == len(TUNABLE) + 1
    priced = found[f"openai:{base}"]
    assert (priced.usd, priced.trained_tokens) == (Decimal(usd), 3_000_000)
    assert "2027-01-06" in priced.ends and "2027-01-14" in priced.ends


def test_the_local_trainers_send_no_bill() -> None:
    local = estimates(1_000_000)[-1]
    assert (local.usd, local.ends.split(";")[0]) == (Decimal(0), "no bill")


def test_one_token_has_an_exact_price() -> None:
    assert estimates(1)[0].usd == Decimal("0.000009")


def refused_by_the_stand_in(content: bytes) -> bool:
    """At the upload, or by the training."""
    try:
        _check(content, "examples.jsonl", "fine-tune")
    except ApiError:
        return True
    file = StoredFile("file-1", content, "examples.jsonl", "fine-tune", 0)
    return _file_problem(file, "training_file") is not None


STAND_IN_FILES = [
    *(encoded([*pets_rows(), row]) for row, _ in BAD_ROWS),
    *(encoded([*pets_rows(), row]) for row in GOOD_ROWS),
    # What is nested too deeply ends the stand-in's own parser.
    *(content for content, _, said in BAD_FILES if "deeply" not in said),
    encoded(pets_rows(3)),
    GOOD,
]


def test_what_the_stand_in_refuses_is_refused(check: Check) -> None:
    refused = 0
    for content in STAND_IN_FILES:
        if refused_by_the_stand_in(content):
            checked = check(content)
            warned = any(FEW in warning.message for warning in checked.warnings)
            assert checked.errors or warned, content[-200:]
            refused += 1
    assert refused > 20
    assert not refused_by_the_stand_in(GOOD)


def test_the_first_twenty_errors_are_shown_and_counted(check: Check) -> None:
    checked = check([{}] * 30)
    with pytest.raises(InputError) as caught:
        refuse(checked)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{checked.path} has 30 errors"
    assert lines[1].startswith(f'{checked.path}:1: "messages" is missing')
    assert lines[20].startswith(f"{checked.path}:20: ")
    assert lines[21:] == ["… and 10 more; --json lists all"]


def test_one_error_is_one(check: Check) -> None:
    with pytest.raises(InputError, match=r"examples\.jsonl has 1 error\n.*: the file has no line"):
        refuse(check(b""))


def test_no_text_of_a_file_steers_the_terminal(check: Check) -> None:
    bad = [{"\x1b[2J\ud800": 1}, message(role="\x1b[31m" + "x" * 10**6)]
    with pytest.raises(InputError) as caught:
        refuse(check(encoded(bad, ascii_only=True)))
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 2000
    str(caught.value).encode()
    shown = "\n".join(words(check([chat(f"cat {n}", "\x1b[2J\u202e" * 99) for n in range(12)])))
    assert "\x1b" not in shown and "\u202e" not in shown and len(shown) < 2000


def test_many_warnings_are_counted(check: Check) -> None:
    rows = [chat(f"cat {n % 30}", f"cats {n % 30}") for n in range(60)]
    shown = words(check(rows))
    assert shown[20] == "warning: … and 10 more; --json lists all"
    assert (
        shown[0] == "warning: the same row except for case and white space; keep one (lines 1, 31)"
    )


def test_many_lines_are_counted(check: Check) -> None:
    rows = [chat(f"cat {n}", "c") for n in range(12)]
    (warning,) = check(rows).warnings
    assert str(warning).endswith("(lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, … 12 in all)")


def invoke(path: Path, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["validate", str(path), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_shows_warnings_figures_and_prices(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_bytes(encoded([*pets_rows(), chat("a cat", "c")]))
    lines = invoke(path).splitlines()
    assert lines[0].startswith("warning: an answer of one character") and "(line 13)" in lines[0]
    assert lines[1] == "rows           13"
    assert "  4 × 'cats'" in lines
    total = statistics(read(path, CONTEXT).rows).tokens.total
    assert f"${total * 9 / 10**6:.4f}  no new jobs from 2027-01-06" in "\n".join(lines)
    assert lines[-1] == "  on this machine  $0.0000  no bill; the weights are yours"
    assert "more than 20 tokens" in invoke(path, "--context-tokens", "20")


def test_the_command_as_json(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_bytes(GOOD)
    [found] = json_rows(invoke(path, "--json"), "validation")
    assert (found["ok"], found["errors"], found["warnings"]) == (True, [], [])
    assert found["statistics"]["tokens"]["total"] == sum(r.tokens for r in read(path, 1).rows)
    assert found["estimates"][0]["trainer"] == "openai:gpt-4o-mini-2024-07-18"
    assert (
        Decimal(found["estimates"][0]["usd"]) * 10**6 == 9 * found["statistics"]["tokens"]["total"]
    )


def test_errors_are_exit_code_2_and_json_has_all(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"{}\n" * 30)
    done = process(workspace, "validate", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {path} has 30 errors\n{path}:1: ")
    found = process(workspace, "validate", str(path), "--json")
    assert found.returncode == 2 and "has 30 errors" in found.stderr
    [told] = json_rows(found.stdout, "validation")
    assert (told["ok"], told["statistics"], told["estimates"]) == (False, None, [])
    assert [error["lines"] for error in told["errors"]] == [[n] for n in range(1, 31)]


def test_a_file_that_is_not_there_is_exit_code_2(workspace: Workspace, tmp_path: Path) -> None:
    done = process(workspace, "validate", str(tmp_path / "none.jsonl"))
    assert done.returncode == 2 and "does not exist" in done.stderr


def test_figures_have_the_good_rows_beside_the_errors(check: Check) -> None:
    found = figures(check([*pets_rows(), {}]))
    assert (found["ok"], found["statistics"]["rows"]) == (False, 12)
