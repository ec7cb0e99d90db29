"""What the pages install by Helm, which cannot be run here: from where, and in which version."""

import re
from pathlib import Path

import yaml

HOUSE = Path(__file__).parents[2]
PAGES = "\n".join((HOUSE / name).read_text() for name in ("README.md", "infra/operations.md"))
# Repository, chart and the rest of the line.
INSTALLED = re.findall(r"helm (?:install|upgrade) \S+ (\S+)/(\S+) ([^\n`]*)", PAGES)


def test_every_repository_that_is_installed_from_is_added() -> None:
    added = set(re.findall(r"^helm repo add (\S+) https://\S+", PAGES, re.MULTILINE))
    assert {repository for repository, _, _ in INSTALLED} == added


def test_a_chart_is_of_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for _, chart, rest in INSTALLED:
        versions.setdefault(chart, set()).update(re.findall(r"--version (\d+\.\d+\.\d+) ", f"{rest} ") or ["none"])
    lock = (HOUSE / "infra/requirements/dev.txt").read_text()
    (models,) = re.findall(r"^kubeflow-spark-api==(\S+)", lock, re.MULTILINE)
    # By the models of the operator's own version the application is checked.
    assert versions == {"airflow": {"1.22.0"}, "spark-operator": {models}}


def test_the_operator_watches_the_application_s_namespace() -> None:
    application = yaml.safe_load((HOUSE / "infra/kubernetes/sparkapplication.yaml").read_text())
    (rest,) = [rest for _, chart, rest in INSTALLED if chart == "spark-operator"]
    assert f"spark.jobNamespaces={{{application['metadata']['namespace']}}}" in rest
