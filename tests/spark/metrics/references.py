"""Slow, obvious versions of every metric for one subject, in plain Python and numpy, to hold the Spark ones against."""

import math
from collections.abc import Mapping, Sequence

import numpy as np


def ranking_values(items: Sequence[str], relevant: set[str], k: int, popularity: Mapping[str, int]) -> dict[str, float]:
    """All ranking metrics of one list (`items` in order of rank) against a set that is not empty."""
    hits = []
    seen: set[str] = set()
    for item in items[:k]:
        hits.append(item in relevant and item not in seen)
        seen.add(item)
    found = sum(hits)
    possible = min(k, len(relevant))
    discounted = sum(hit / math.log2(position + 2) for position, hit in enumerate(hits))
    ideal = sum(1 / math.log2(position + 2) for position in range(possible))
    first = next((position + 1 for position, hit in enumerate(hits) if hit), None)
    precisions = [sum(hits[: position + 1]) / (position + 1) for position, hit in enumerate(hits) if hit]
    return {
        "recall": found / len(relevant),
        "recall_capped": found / possible,
        "recall_stratified": sum(popularity[item] ** -0.5 for item in {*items[:k]} & relevant)
        / sum(popularity[item] ** -0.5 for item in relevant),
        "precision": found / k,
        "ndcg": discounted / ideal,
        "hit_rate": float(found > 0),
        "mrr": 1 / first if first else 0.0,
        "map": sum(precisions) / possible,
    }


def gini(places: Sequence[int]) -> float:
    """Half the relative mean absolute difference, over all pairs."""
    x = np.asarray(places, dtype=float)
    if x.sum() == 0:
        return 0.0
    return float(np.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) ** 2 * x.mean()))
