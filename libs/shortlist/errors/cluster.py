"""A cluster whose executors cannot run the jobs."""

from collections.abc import Sequence

from shortlist.errors.base import ShortlistError

# What a worker's failure says, and what mends it.
_KNOWN = (
    (
        "No module named 'shortlist'",
        "ship the project's code with --archives (infra/package), or install the wheel there",
    ),
    ("cannot cache function", "ship the code unpacked with --archives (infra/package), not as a wheel"),
    ("PYTHON_VERSION_MISMATCH", "name a Python of the driver's version there by spark.pyspark.python"),
    ("Cannot run program", "name a Python that is on every worker by spark.pyspark.python"),
    ("SHORTLIST_PYTHON is", "name a Python that is on every worker by spark.executorEnv.SHORTLIST_PYTHON"),
    (
        "io.delta",
        "put the jars of infra/requirements/delta-jars.sha256 beside Spark's on every worker, or pass them by --jars",
    ),
    (
        "org.apache.spark.sql.delta",
        "put the jars of infra/requirements/delta-jars.sha256 beside Spark's on every worker",
    ),
)
_OTHERWISE = "look into the executor's own log"
_LONGEST = 300


class ClusterError(ShortlistError):
    """An executor lacks what a night needs. No night was begun."""

    exit_code = 2

    @classmethod
    def differs(cls, problems: Sequence[str]) -> "ClusterError":
        """Executors that answered, and are not as the driver is."""
        return cls("this cluster is not ready for a night:\n" + "\n".join(f"  {problem}" for problem in problems))

    @classmethod
    def no_answer(cls, doing: str, failure: str) -> "ClusterError":
        """An executor failed before it could say what it has.

        Args:
            doing: what was tried there.
            failure: Spark's text, with the worker's own in it.
        """
        cause, mend = next(((word, mend) for word, mend in _KNOWN if word in failure), ("", _OTHERWISE))
        lines = [line.strip() for line in failure.splitlines() if line.strip()]
        said = next((line for line in lines if cause and cause in line), lines[0] if lines else "nothing")
        return cls(f"this cluster is not ready for a night: {doing} failed: {said[:_LONGEST]}; next: {mend}")
