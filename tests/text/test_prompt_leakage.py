"""What of the prompt stands in a text: in part, as a line, whatever its spelling."""

import json

import pytest

from distill.text.prompt_leakage import copied_share, leaked_prompt

PROMPT = """You write inputs that a program will have to sort into categories of an online shop.

- delivery: a parcel that is late, lost or damaged on its way to the customer
- refund: money back

Examples:
- My parcel was due on Tuesday and tracking hasn't moved since Sunday. Where is it?
- Money back please!
"""
OWN = "The bench I ordered came with two left legs and no screws at all, what now?"


def test_a_text_of_its_own() -> None:
    assert copied_share(OWN, PROMPT) == 0.0
    assert not leaked_prompt(OWN, [PROMPT])


def test_a_line_of_the_prompt_whatever_its_spelling() -> None:
    text = "my PARCEL was due on  tuesday, and tracking hasn't moved since sunday - where is it"
    assert copied_share(text, PROMPT) == 1.0
    assert leaked_prompt(text, [PROMPT])


def test_the_share_of_what_is_copied() -> None:
    """Of 12 words with 5 eight-grams the first 10 with 3 are the prompt's."""
    text = "You write inputs that a program will have to sort my parcels"
    assert copied_share(text, PROMPT) == pytest.approx(3 / 5)
    assert copied_share(text, PROMPT, n=10) == pytest.approx(1 / 3)
    assert copied_share(text, PROMPT, n=11) == 0.0


def test_an_instruction_before_a_message() -> None:
    text = f"A parcel that is late, lost or damaged on its way to the customer. {OWN}"
    assert copied_share(text, PROMPT) < 0.5
    assert leaked_prompt(text, [PROMPT])


def test_eight_words_in_a_long_text_are_no_leak() -> None:
    text = f"{OWN} Then my parcel was due on Tuesday and tracking is still empty. {OWN}"
    assert 0 < copied_share(text, PROMPT) < 0.1
    assert not leaked_prompt(text, [PROMPT])


@pytest.mark.parametrize(
    ("text", "share"),
    [("money back please", 1.0), ("Refund: money back", 1.0), ("money back", 0.0), ("parcel", 0.0)],
)
def test_a_short_text_is_copied_when_it_is_a_line(text: str, share: float) -> None:
    assert copied_share(text, PROMPT) == share
    assert leaked_prompt(text, [PROMPT]) == bool(share)


def test_each_of_the_prompts_counts() -> None:
    assert leaked_prompt("Money back please", ["Another one", PROMPT])
    assert not leaked_prompt("Money back please", ["Another one"])
    assert not leaked_prompt("Money back please", [])


def test_chinese_has_no_spaces() -> None:
    assert copied_share("我的包裹在星期二应该到", "- 我的包裹在星期二应该到,但是没有") == 1.0
    assert copied_share("我的信用卡昨天被吞了怎么办", "- 我的包裹在星期二应该到,但是没有") == 0.0


BAD = ["", " ", "\n", "\x00", json.loads('"\\ud800"'), "\u200f", "😀😀", "...", "word " * 200_000]


@pytest.mark.parametrize("text", BAD)
def test_bad_input(text: str) -> None:
    assert copied_share(text, PROMPT) == 0.0
    assert copied_share(PROMPT, text) == 0.0
    assert not leaked_prompt(text, [PROMPT, "", " \n"])


def test_a_text_is_a_copy_of_itself() -> None:
    assert copied_share(PROMPT, PROMPT) == 1.0
    assert copied_share("word " * 200_000, "word " * 200_000) == 1.0
