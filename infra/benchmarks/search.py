"""How well the catalog's text answers queries that nobody asked before: sources words and word_parts, and their blend.

Needs esci_products.parquet (item, title, brand, color, category, bullet_points, description) and esci_judgments.parquet
(query, item, grade) of the Amazon ESCI shopping queries (Reddy et al. 2022), or two files of this form. Every query is unseen:
nothing is learned from the judgements, but the one weight of the blend may be chosen on half of the queries (`--tune`) and is
then judged by the other half.

NDCG@10 takes grades as gains; recall@20 is the share of an exact answer's items (grade of the best) among the first 20.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shortlist.config import state_home
from shortlist.config.sources import WordPartsSourceConfig, WordsSourceConfig
from shortlist.sources.batch import Scorer, SubjectBatch
from shortlist.sources.text_index import TextScorer, fit_text_index
from shortlist.sources.word_parts import word_parts_of
from shortlist.sources.words import words_of

# What a word counts in each field; parts of words are looked up in names only.
WORDS = {"title": 5.0, "brand": 5.0, "color": 3.0, "category": 1.0, "bullet_points": 1.0, "description": 0.5}
PARTS = {"title": 1.0, "brand": 1.0, "color": 1.0}
# What word parts count beside words in the blend, unless it is tuned.
SHARE = 0.5
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0)

Scores = NDArray[np.float64]
Judged = Mapping[str, float]


def scorers(products: pl.DataFrame) -> dict[str, Scorer[NDArray[np.float32]]]:
    """The two sources over the products, each by its name."""
    words, parts = WordsSourceConfig(), WordPartsSourceConfig()
    by_word, by_part = words_of(words), word_parts_of(parts)
    return {
        "words": TextScorer(fit_text_index(fields_of(products, WORDS), by_word, words), by_word),
        "word_parts": TextScorer(fit_text_index(fields_of(products, PARTS), by_part, parts), by_part),
    }


def fields_of(products: pl.DataFrame, weights: Mapping[str, float]) -> list[tuple[list[str], float]]:
    """Texts of the products with what a word in each counts; columns that are missing are passed over."""
    return [
        (products[name].fill_null("").to_list(), weight) for name, weight in weights.items() if name in products.columns
    ]


def standardised(scores: Scores) -> Scores:
    """Each query's scores with mean 0 and deviation 1."""
    spread = np.maximum(scores.std(1, keepdims=True), 1e-9)
    found: Scores = (scores - scores.mean(1, keepdims=True)) / spread
    return found


def figures(scores: Scores, judged: Sequence[Judged], items: Sequence[str]) -> NDArray[np.float64]:
    """NDCG@10 and recall@20 of each query: (queries, 2); recall is NaN where no item is an exact answer."""
    found = np.full((len(judged), 2), np.nan)
    discounts = 1 / np.log2(np.arange(2, 12))
    highest = max(grade for grades in judged for grade in grades.values())
    for row, grades in enumerate(judged):
        best = [items[at] for at in np.argsort(-scores[row], kind="stable")[:20]]
        gains = np.array([grades.get(item, 0.0) for item in best[:10]])
        ideal = np.sort(np.array([*grades.values(), *np.zeros(10)]))[::-1][:10]
        found[row, 0] = float(gains @ discounts) / max(float(ideal @ discounts), 1e-9)
        exact = {item for item, grade in grades.items() if grade == highest}
        if exact:
            found[row, 1] = len(exact & set(best)) / len(exact)
    return found


def tuned_share(by_words: Scores, by_parts: Scores, judged: Sequence[Judged], items: Sequence[str]) -> float:
    """The share of word parts with the largest NDCG@10."""
    found = [figures(by_words + share * by_parts, judged, items)[:, 0].mean() for share in SHARES]
    return SHARES[int(np.argmax(found))]


def main() -> None:
    """Parse, index, answer, judge."""
    parser = argparse.ArgumentParser(
        prog="infra/bench search", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with both files")
    parser.add_argument("--tune", action="store_true", help="choose the blend's weight on half of the queries")
    parser.add_argument("--json", type=Path, help="default: $SHORTLIST_HOME/bench/search.json")
    arguments = parser.parse_args()
    products = pl.read_parquet(arguments.data / "esci_products.parquet")
    judgements = pl.read_parquet(arguments.data / "esci_judgments.parquet")
    items = products["item"].to_list()
    grouped = judgements.sort("query", maintain_order=True).partition_by("query", as_dict=True, maintain_order=True)
    queries = [str(key[0]) for key in grouped]
    judged = [dict(zip(part["item"], part["grade"], strict=True)) for part in grouped.values()]

    begun = time.perf_counter()
    opened = scorers(products)
    indexed = time.perf_counter() - begun
    batch = SubjectBatch.of_texts(queries)
    for scorer in opened.values():
        scorer.prepare(batch.slice(0, 1))  # compiles the loops
    begun = time.perf_counter()
    raw = {name: scorer.prepare(batch).astype(np.float64) for name, scorer in opened.items()}
    answered = time.perf_counter() - begun
    by_words, by_parts = (standardised(raw[name]) for name in ("words", "word_parts"))
    chosen, asked = SHARE, np.arange(len(queries))
    if arguments.tune:
        chosen = tuned_share(by_words[::2], by_parts[::2], judged[::2], items)
        asked = asked[1::2]
    blend = by_words + chosen * by_parts
    print(f"{len(items):,} items, {len(asked):,} queries judged; indexing {indexed:.1f} s, answering {answered:.2f} s")
    print(f"{'':12} {'NDCG@10':>8} {'recall@20':>10}")
    found = {}
    for name, scores in {**raw, "blend": blend}.items():
        ndcg, recall = np.nanmean(figures(scores[asked], [judged[at] for at in asked], items), axis=0)
        found[name] = {"ndcg": float(ndcg), "recall": float(recall)}
        print(f"{name:12} {ndcg:8.4f} {recall:10.4f}")
    print(f"(blend: words + {chosen:g} x word_parts, {'chosen on the other half' if arguments.tune else 'not tuned'})")
    path = arguments.json or state_home() / "bench" / "search.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    written = {"items": len(items), "queries": len(asked), "share": chosen, "figures": found}
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
