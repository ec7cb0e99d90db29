"""What was written is used: a source, rule, command or metric that no list names would never run, and nobody would notice."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from types import ModuleType

from shortlist import cli, rules, sources
from shortlist.checks import comparisons as checks
from shortlist.cli.app import app
from shortlist.config import SourcesConfig
from shortlist.contracts import read_contract
from shortlist.generation.artefacts import LOADERS, TABLES
from shortlist.generation.learning_costs import TRAINING_COSTS
from shortlist.metrics.definitions import DEFINITIONS, LIST_METRICS, RANKING_METRICS
from shortlist.pipeline import JOBS, producer
from shortlist.rules import ITEM_RULES, LIST_RULES, PAIR_RULES, TABLE_RULES
from shortlist.rules.facts import ItemRule, ListRule, PairRule, TableRule
from shortlist.sources import SOURCES
from shortlist.sources.inputs import Artefacts, Source
from shortlist.steps.learn import TRAINERS
from shortlist.tables import TABLES as EVERY_TABLE


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """The package's modules, but for its program."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def is_source(value: object, module: ModuleType) -> bool:
    return inspect.isclass(value) and value.__module__ == module.__name__ and {"needs", "open"} <= set(vars(value))


def test_every_source_that_is_written_is_in_sources() -> None:
    written = {value for module in modules(sources) for value in vars(module).values() if is_source(value, module)}
    unlisted = [f"{source.__module__}.{source.__name__}" for source in written - {Source, *SOURCES.values()}]
    assert unlisted == [], "next: give each a line in SOURCES and a field in SourcesConfig"
    assert written >= set(SOURCES.values())


def test_every_source_has_a_reason_for_readers_of_the_table() -> None:
    silent = [name for name, source in SourcesConfig() if not getattr(source, "reason", None)]
    assert silent == [], "next: give the settings of each a field `reason`"


def test_every_artefact_that_is_loaded_has_its_field() -> None:
    assert {field.name for field in fields(Artefacts)} ^ set(LOADERS) == set(), (
        "next: name them in Artefacts and in LOADERS"
    )


def test_every_model_of_a_source_is_read_trained_in_time_and_trained_again_to_learn_a_blend() -> None:
    tables = {table.name for table in TABLES.values()}
    trainers = {producer(name) for name in tables}
    generate = JOBS["generate_candidates"]
    assert tables - set(generate.reads) == set(), "next: name them in `reads` of generate_candidates"
    assert trainers - set(generate.after) == set(), "next: name these jobs in `after` of generate_candidates"
    assert trainers ^ model_jobs() == set(), (
        "next: say `model=True` of these jobs in JOBS, and name their tables in TABLES"
    )
    assert trainers ^ set(TRAINERS) == set(), "next: name these jobs in TRAINERS (steps/learn.py) and in JOBS"
    assert trainers ^ set(TRAINING_COSTS) == set(), (
        "next: say what they cost in TRAINING_COSTS (generation/learning_costs.py)"
    )


def model_jobs() -> set[str]:
    return {name for name, job in JOBS.items() if job.model}


def test_every_rule_that_is_written_is_asked() -> None:
    asked = [rule for kind in (ITEM_RULES, PAIR_RULES, LIST_RULES, TABLE_RULES) for rule in kind.values()]
    unasked = [
        f"{module.__name__}.{name}"
        for module in modules(rules)
        for name, value in vars(module).items()
        if isinstance(value, ItemRule | PairRule | ListRule | TableRule) and not any(value is rule for rule in asked)
    ]
    assert unasked == [], "next: give each a line in ITEM_RULES, PAIR_RULES, LIST_RULES or TABLE_RULES"


def test_every_module_that_answers_a_command_has_one() -> None:
    answering = {module.__name__.rpartition(".")[2] for module in modules(cli) if hasattr(module, "render")}
    commands = {command.name for command in app.registered_commands}
    assert answering - commands == set(), "next: give each a command in cli/app.py"


def test_every_metric_has_a_definition_and_is_in_one_list() -> None:
    listed = {*RANKING_METRICS, *LIST_METRICS}
    assert set(DEFINITIONS) ^ listed == set(), "next: name these in DEFINITIONS, and in RANKING_METRICS or LIST_METRICS"
    assert len(DEFINITIONS) == len(RANKING_METRICS) + len(LIST_METRICS)


def test_every_comparison_of_traffic_that_is_written_is_made() -> None:
    functions = {name: value for name, value in vars(checks).items() if inspect.isfunction(value)}
    making = {name for name, value in functions.items() if is_comparison(value) and name != "comparisons"}
    called = set(checks.comparisons.__code__.co_names)
    assert making - called == set(), "next: call these in `comparisons`"
    assert making


def is_comparison(function: Callable[..., object]) -> bool:
    """Whether a function of the module, not a method, makes comparisons."""
    made = str(inspect.signature(function).return_annotation)
    return function.__module__ == checks.__name__ and made.rstrip("]>'").rpartition(".")[2] == "Comparison"


def test_rules_are_stated_only_where_a_gate_judges_them() -> None:
    """A rule of another contract would be read by nobody."""
    judged = {"engagements", "catalog", "promotions", "audience_members", "candidates"}
    stated = {table.contract for table in EVERY_TABLE if read_contract(table.contract).quality}
    assert stated == judged, (
        "next: judge the table's rows with checks.audit before they are committed, and name it here"
    )
