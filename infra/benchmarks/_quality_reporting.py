"""What the blend reached on a set, beside each of its sources: printed and kept as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.benchmarks._quality_learning import Result
from shortlist.blending.blends import text_of

# Of a normal distribution: means over thousands of subjects.
_TWO_SIDED: Final = 1.96
# Where lists may repeat what a subject had, both kinds of items are reported apart.
APART: Final = {"recall_had": "had before", "recall_new": "never had"}


def report(name: str, protocol: str, result: Result, metrics: tuple[str, ...], k: int, wanted: Mapping[str, float],
           folder: Path) -> list[str]:  # fmt: skip
    """Print a table, write the figures; the targets that were missed."""
    choice = result.chosen.choice
    subjects = len(result.values["blend"][metrics[0]])
    print(
        f"\n{name}: {protocol}\n  {subjects:,} subjects; the pass over all of them with the blend {result.seconds:.0f} s"
    )
    kept: dict[str, object] = {"protocol": protocol, "subjects": subjects, "seconds": result.seconds}
    best = best_single(result, metrics[-1])
    print(
        f"  {'method':20} " + " ".join(f"{metric + '@' + str(k):>16}" for metric in metrics) + "   blend - method, 95 %"
    )
    for method, values in result.values.items():
        means = " ".join(f"{values[metric].mean():16.4f}" for metric in metrics)
        differences = result.values["blend"][metrics[-1]] - values[metrics[-1]]
        interval = _TWO_SIDED * differences.std(ddof=1) / np.sqrt(len(differences))
        beside = "" if method == "blend" else f"   {metrics[-1]} {differences.mean():+.4f} +- {interval:.4f}"
        print(f"  {method:20} {means}{beside}{'  best single' if method == best else ''}")
        kept[method] = {metric: mean for metric in values for mean, judged in [mean_of(values[metric])] if judged}
    for metric, items in APART.items():
        mean, judged = mean_of(result.values["blend"][metric])
        single, _ = mean_of(result.values[best][metric])
        if judged not in (0, subjects):
            print(
                f"  recall of items that a subject {items} ({judged:,} subjects): blend {mean:.4f}, {best} {single:.4f}"
            )
    print(f"  blend: {choice.kind}: {choice.reason}")
    shares = sorted(choice.blend.importance().items(), key=lambda pair: -pair[1])
    print("  counts most: " + ", ".join(f"{feature} {value:.3g}" for feature, value in shares[:8]))
    print(f"  settings, by a cut of the training part: {dict(result.chosen.settings)}")
    kept |= {"kind": choice.kind, "reason": choice.reason, "settings": dict(result.chosen.settings)}
    kept["blend_text"] = text_of(choice.kind, choice.blend)
    (folder / f"quality-{name}.json").write_text(json.dumps(kept, indent=1))
    return missed(name, result, metrics, wanted, best)


def mean_of(values: NDArray[np.float64]) -> tuple[float, int]:
    """The mean over the subjects that have a value, and how many do; NaN where none has."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan"), len(known)


def best_single(result: Result, metric: str) -> str:
    """The source whose own lists are best on the test part."""
    return max((name for name in result.values if name != "blend"), key=lambda name: result.values[name][metric].mean())


def missed(name: str, result: Result, metrics: tuple[str, ...], wanted: Mapping[str, float], best: str) -> list[str]:
    """Targets below which the blend is; and whether it is below its best source by more than the interval."""
    blend = result.values["blend"]
    lost = [
        f"{name} blend {metric}: {blend[metric].mean():.4f}, wanted {least:.4f}"
        for metric, least in wanted.items()
        if blend[metric].mean() < least
    ]
    for metric in metrics:
        differences = blend[metric] - result.values[best][metric]
        error = differences.std(ddof=1) / np.sqrt(len(differences))
        if differences.mean() + _TWO_SIDED * error < 0:
            lost.append(f"{name} blend {metric}: {differences.mean():.4f} below its best source {best}")
    return lost
