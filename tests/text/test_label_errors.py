"""Suspect labels: planted errors are found, what cannot be checked is left alone."""

import json
import random

import pytest

from distill.text.label_errors import deal, suspect_labels

TOPICS = {
    "card": ("my new card has not come by post", "the card you sent is still missing"),
    "weather": ("will it rain in the mountains", "how cold is it by the sea tonight"),
    "music": ("play the last song of that band", "add this album to my party list"),
    "table": ("book a table for dinner", "we need seats for a birthday meal"),
}
WHEN = ("today", "on Monday", "this week", "tomorrow", "in May", "at noon", "tonight", "soon")
ODD = ("", "\x00", json.loads('"\\ud800"'), "שלום \u200f עולם", "😀😀", "mega " * 200_000)


def rows() -> tuple[list[str], list[str]]:
    """64 texts with their labels, mixed."""
    made = [
        (f"{text} {when}", label)
        for label, texts in TOPICS.items()
        for text in texts
        for when in WHEN
    ]
    random.Random(0).shuffle(made)
    return [text for text, _ in made], [label for _, label in made]


def test_planted_errors_are_found_with_the_right_label() -> None:
    texts, labels = rows()
    planted = {3: labels[3], 20: labels[20], 41: labels[41]}
    wrong = [
        next(other for other in TOPICS if other != label) if row in planted else label
        for row, label in enumerate(labels)
    ]
    found = suspect_labels(texts, wrong)
    assert {suspect.index: suspect.suggested for suspect in found} == planted
    scores = [suspect.score for suspect in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0.3 <= score <= 1 for score in scores)


def test_right_labels_are_no_suspects() -> None:
    assert suspect_labels(*rows()) == []


def test_the_suspects_are_always_the_same() -> None:
    texts, labels = rows()
    labels[5] = next(other for other in TOPICS if other != labels[5])
    assert suspect_labels(texts, labels, seed=3) == suspect_labels(texts, labels, seed=3)


def test_a_label_that_stands_once_is_left_out() -> None:
    texts, labels = rows()
    assert suspect_labels([*texts, "play a song"], [*labels, "alone"]) == []


def test_trusted_rows_let_a_label_that_stands_once_be_checked() -> None:
    texts, labels = rows()
    trusted = [("how do I close my account", "alone"), ("please delete my account", "alone")]
    (found,) = suspect_labels(
        [*texts, "will it rain in the mountains"], [*labels, "alone"], trusted=trusted
    )
    assert (found.index, found.suggested) == (len(texts), "weather")


def test_trusted_rows_teach_and_are_never_suspects() -> None:
    texts, labels = rows()
    wrong = ["card" if label == "music" else label for label in labels]
    assert suspect_labels(texts, wrong) == []  # nobody says otherwise
    music = [row for row, label in enumerate(labels) if label == "music"]
    trusted = [(f"{text} again", label) for text, label in zip(texts, labels, strict=True)]
    mixed = [wrong[row] if row in music[:4] else labels[row] for row in range(len(labels))]
    found = suspect_labels(texts, mixed, trusted=[*trusted, ("play the last song", "card")])
    assert {suspect.index for suspect in found} == set(music[:4])
    assert {suspect.suggested for suspect in found} == {"music"}


@pytest.mark.parametrize("count", range(7))
def test_fewer_rows_than_folds(count: int) -> None:
    texts, labels = rows()
    assert all(found.index < count for found in suspect_labels(texts[:count], labels[:count]))


def test_one_label_has_no_other_to_suggest() -> None:
    texts, _ = rows()
    assert suspect_labels(texts, ["card"] * len(texts)) == []
    assert suspect_labels([], [], trusted=[("will it rain", "weather")] * 2) == []


def test_the_one_label_of_all_rows_is_checked_against_trusted_ones() -> None:
    texts = ["my card is missing", "where is my new card", "send me a card", "will it rain at noon"]
    trusted = [("will it rain", "weather"), ("is there rain in May", "weather")]
    (found,) = suspect_labels(texts, ["card"] * len(texts), trusted=trusted)
    assert (texts[found.index], found.suggested) == ("will it rain at noon", "weather")


def test_all_texts_alike_show_no_error() -> None:
    assert suspect_labels(["the same"] * 40, ["card", "music"] * 20) == []


def test_odd_texts() -> None:
    texts, labels = rows()
    odd = [*texts, *ODD]
    found = suspect_labels(odd, [*labels, *(["odd"] * len(ODD))])
    assert all(0 <= suspect.index < len(odd) for suspect in found)
    assert not [suspect for suspect in found if suspect.index < len(texts)]


def test_every_label_of_two_rows_is_in_what_every_fold_learns_from() -> None:
    codes = [0, 1, 1, 2, 2, 2, 3, 3] * 3 + [4, 4]
    for seed in range(20):
        dealt = deal(codes, 5, seed)
        for fold in range(5):
            learnt = {code for code, own in zip(codes, dealt, strict=True) if own != fold}
            assert learnt == set(codes)
        sizes = [dealt.count(fold) for fold in range(5)]
        assert max(sizes) - min(sizes) <= 1


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="a label for each text"):
        suspect_labels(["a"], [])
