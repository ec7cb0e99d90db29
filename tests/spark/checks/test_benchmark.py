"""The peer of `infra/bench checks` computes what the suite computes, or the comparison would be worth nothing."""

import pytest
from pyspark.sql import SparkSession

from infra.benchmarks import checks as bench
from shortlist.tables import ENGAGEMENTS, Rule
from tests.spark.checks.rows import engagements, frame_of
from tests.spark.checks.test_audit import BREAKS


@pytest.mark.parametrize("rule", ENGAGEMENTS.rules, ids=lambda rule: rule.name)
def test_every_rule_is_counted_by_hand(spark: SparkSession, rule: Rule) -> None:
    good = frame_of(spark, ENGAGEMENTS, engagements())
    bad = frame_of(spark, ENGAGEMENTS, BREAKS["engagements"][rule.name](engagements()))
    for count in (bench.by_hand, bench.by_hand_apart):
        assert not any(count(good).values())
        assert count(bad)[rule.name] == 1


def test_the_figures_of_a_small_run(spark: SparkSession) -> None:
    found = bench.measure(spark, 1000, 1)
    assert found["rows"] == 1000
    assert set(found["rule_seconds"]) == {rule.name for rule in ENGAGEMENTS.rules}
    assert found["ratio"] == pytest.approx(found["suite_seconds"] / found["aggregate_seconds"], rel=0.2)
    described = bench.describe({**found, "ratio": 3.5, "rule_seconds": {"key_unique": 9.0}})
    assert "over the target: key_unique is the slowest, 9.0 s by itself" in described
    assert "over the target" not in bench.describe({**found, "ratio": 2.9, "ratio_apart": 2.9})
