"""The loss for answers from a fixed set, with full weight on the choice and less on its wording."""

from collections.abc import Sequence
from typing import Any

from .tokenised_rows import IGNORED, Chat, answer_tokens

# A student learns the wording of the choices in a few dozen steps. At full weight, the gradients of
# these tokens are so large at first that Adam takes small steps long afterwards.
FORM_WEIGHT = 0.3

# The first tokens of an answer → the next tokens that the choices allow.
DecisionPoints = dict[tuple[int, ...], list[int]]


def branches(chat: Chat, choices: Sequence[str], tokenizer: Any) -> DecisionPoints:
    """Return the places at which the choices' tokens differ, after the prompt of a chat."""
    found: dict[tuple[int, ...], set[int]] = {}
    for choice in choices:
        answer = [*chat[:-1], {"role": "assistant", "content": choice}]
        tokens = answer_tokens(answer, tokenizer)[1]
        for place, token in enumerate(tokens):
            found.setdefault(tuple(tokens[:place]), set()).add(token)
    return {before: sorted(after) for before, after in found.items() if len(after) > 1}


def choice_loss(logits: Any, labels: Any, parted: DecisionPoints) -> Any:
    """Return the cross entropy among the choices, plus `FORM_WEIGHT` times the rest.

    Both are means over rows. The rest is the cross entropy over the vocabulary minus that among the
    choices. It teaches the wording of the choices, and the end of the answer.

    A server that is constrained to the choices also excludes other answers, but allows other tokens
    for a choice. An answer that is none of the choices is learnt as free text.

    logits: (tokens of all answers, vocabulary). labels: (rows, tokens), IGNORED outside the
    answers.
    """
    import torch

    answers = [[token for token in row if token != IGNORED] for row in labels.tolist()]
    whole = torch.nn.functional.cross_entropy(logits, labels[labels != IGNORED], reduction="sum")
    chosen = _among_choices(logits, answers, parted)
    return (chosen + FORM_WEIGHT * (whole - chosen)) / len(answers)


def _among_choices(logits: Any, answers: Sequence[Sequence[int]], parted: DecisionPoints) -> Any:
    """Return the sum of the cross entropy among the allowed next tokens, where choices differ.

    One gather serves all places: a gather per place would need a gradient as large as `logits`.
    """
    import torch

    before = [(answer, place) for answer in answers for place in range(len(answer))]
    found = {
        row: [answer[place], *(token for token in allowed if token != answer[place])]
        for row, (answer, place) in enumerate(before)
        if answer[place] in (allowed := parted.get(tuple(answer[:place]), []))
    }
    if not found:
        return logits.new_zeros(())
    width = max(map(len, found.values()))
    tokens = [[*row, *[IGNORED] * (width - len(row))] for row in found.values()]
    columns = torch.tensor(tokens, device=logits.device)
    rows = torch.tensor(list(found), device=logits.device)
    among = logits[rows[:, None], columns.clamp(min=0)].masked_fill(columns < 0, -torch.inf)
    first = torch.zeros(len(found), dtype=torch.long, device=logits.device)
    return torch.nn.functional.cross_entropy(among, first, reduction="sum")
