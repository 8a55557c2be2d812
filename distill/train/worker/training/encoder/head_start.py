"""The warm start of the head: logistic regression on the untrained encoder's vectors.

A random head would first push the encoder's weights in random directions, which costs accuracy on
few rows. Source: Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features (LP-FT).
"""

from collections.abc import Sequence
from typing import Any

from .loading import padded
from .rows import Row

C = 10.0  # weak regularisation, as in the rival `embeddings`
BATCH = 32


def fit_head(model: Any, rows: Sequence[Row]) -> None:
    """Set the head's weights to those of a logistic regression on the rows' likeliest labels.

    A label without a row keeps weights of 0 and the lowest bias of the others.
    """
    import torch
    from sklearn.linear_model import LogisticRegression

    labels = [max(range(len(row.target)), key=row.target.__getitem__) for row in rows]
    found = LogisticRegression(C=C, max_iter=2000)
    if len(set(labels)) < 2:
        return
    found.fit(vectors_of(model, rows), labels)
    weights, bias = torch.tensor(found.coef_), torch.tensor(found.intercept_)
    if len(found.classes_) == 2:  # one row of weights, for the second label against the first
        weights, bias = torch.cat([-weights / 2, weights / 2]), torch.cat([-bias / 2, bias / 2])
    places = torch.tensor(found.classes_)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(float(bias.min()))
        model.head.weight[places] = weights.to(model.head.weight)
        model.head.bias[places] = bias.to(model.head.bias)


def vectors_of(model: Any, rows: Sequence[Row]) -> Any:
    """Return the vectors of rows, float32 of shape (rows, width)."""
    import numpy
    import torch

    device = next(model.parameters()).device
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
    found = numpy.zeros((len(rows), model.head.in_features), dtype=numpy.float32)
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            vectors = model.vectors(*padded([rows[place].ids for place in places], 0, device))
            found[places] = vectors.cpu().numpy()
    return found
