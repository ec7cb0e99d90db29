"""The operator's page beside what it speaks of."""

import re

from shortlist.config import CHECKOUT

INSTALLS = re.compile(r"helm (?:install|upgrade) \S+ ([\w-]+)/")


def test_every_repository_of_charts_that_something_is_installed_from_is_added() -> None:
    page = (CHECKOUT / "infra" / "operations.md").read_text(encoding="utf-8")
    texts = [
        page,
        *(
            (CHECKOUT / name).read_text(encoding="utf-8")
            for name in ("README.md", "infra/kubernetes/airflow-values.yaml")
        ),
    ]
    used = {name for text in texts for name in INSTALLS.findall(text)}
    assert used == {"apache-airflow", "spark-operator"}
    assert set(re.findall(r"helm repo add ([\w-]+) https://", page)) == used
