"""Spark settings of tests, and of programs that tests and benchmarks start without pytest."""

# Plans are interpreted: to compile one costs more than to run it over a few rows. What goes through spark-submit runs compiled,
# as in production: the night that Airflow runs in tests/dags, and some jobs.
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}

LOCAL = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
    # More than one partition, or bugs of order would hide.
    "spark.sql.shuffle.partitions": "3",
    # Delta's own state of a tiny table in fifty tasks costs more than the test.
    "spark.databricks.delta.snapshotPartitions": "2",
    # Plans that adapt between stages cost more than a tiny test; nothing may depend on them.
    "spark.sql.adaptive.enabled": "false",
    **INTERPRETED,
}
