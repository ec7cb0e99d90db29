"""What the house tests look for in a file, as functions of its syntax tree: so that each can be shown a planted fault."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

# Storage, clocks, sessions and unseeded chance. `read` and `write` are properties of Spark's sessions and frames.
IMPURE = {
    *("read", "write", "readStream", "writeStream", "writeTo", "saveAsTable", "insertInto"),
    *("read_parquet", "scan_parquet", "write_parquet", "read_delta", "scan_delta", "write_delta", "read_text", "write_text"),
    *("getOrCreate", "getActiveSession", "show"),
    *("now", "today", "utcnow", "current_date", "current_timestamp"),
    *("rand", "randn"),
}  # fmt: skip
COLLECTING = {"collect", "toPandas", "toLocalIterator", "toArrow"}
_RAISING = {"pytest.raises", "pytest.warns", "pytest.fail"}
_ASSERTING_MODULES = ("numpy.testing", "polars.testing", "pyspark.testing", "pandas.testing")


def words(tree: ast.AST) -> set[str]:
    """Every attribute, called or not (`df.write.save(p)` names `write` and `save`), and every called name."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.func.id for node in _calls(tree) if isinstance(node.func, ast.Name)}


def impure_words(tree: ast.AST) -> set[str]:
    """Words of storage, clocks and chance in a module, under any name that it imports them by."""
    renamed = {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    found = {renamed.get(word, word) for word in words(tree)} & IMPURE
    # A generator without a seed gives other numbers at every run.
    unseeded = [node for node in _calls(tree) if _name(node) == "default_rng" and not node.args and not node.keywords]
    return found | ({"default_rng()"} if unseeded else set())


def runs_job(tree: ast.AST, job: str) -> bool:
    """Whether some test of a module runs the job: imports its `main`, or gives its name to a function that runs it."""
    imported = any(
        isinstance(node, ast.ImportFrom) and node.module == f"shortlist.jobs.{job}" for node in ast.walk(tree)
    )
    given = any(
        isinstance(argument, ast.Constant) and argument.value == job
        for node in _calls(tree)
        if _name(node) in {"run", "job_main"}
        for argument in node.args
    )
    return imported or given


def silent_tests(path: Path, root: Path, trees: Mapping[Path, ast.Module]) -> list[str]:
    """Tests of a file that cannot fail: no assertion in them, nor in a helper that they call.

    A helper counts by what it does, not by its name: it asserts, or raises AssertionError or pytest's failure, itself.

    Args:
        path: the file.
        root: the folder that holds the package `tests`.
        trees: every file below tests, parsed.
    """
    return [
        node.name
        for node in ast.walk(trees[path])
        if isinstance(node, ast.FunctionDef)
        if node.name.startswith("test_") and not _asserts(node, path, root, trees, frozenset())
    ]


def _asserts(
    function: ast.FunctionDef, path: Path, root: Path, trees: Mapping[Path, ast.Module], seen: frozenset[str]
) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc) == "AssertionError":
            return True
    for call in _calls(function):
        name, written, imported = _name(call), ast.unparse(call.func), _imported(trees[path])
        first, _, rest = written.partition(".")
        if written in _RAISING or f"{imported.get(first, first)}.{rest or name}".startswith(_ASSERTING_MODULES):
            return True
        if name in seen:
            continue
        where = imported.get(name, "")
        home = root / f"{where.replace('.', '/')}.py" if where.startswith("tests.") else path
        helpers = [
            each for each in ast.walk(trees[home]) if isinstance(each, ast.FunctionDef) and each.name == name
        ] if home in trees else []  # fmt: skip
        if any(_asserts(each, home, root, trees, seen | {name}) for each in helpers):
            return True
    return False


def _imported(tree: ast.Module) -> dict[str, str]:
    """Imported name: the module that it is, or that it is from."""
    plain = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules = {alias.asname or alias.name: alias.name for node in plain for alias in node.names}
    return modules | {alias.asname or alias.name: node.module or "" for node in froms for alias in node.names}


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
