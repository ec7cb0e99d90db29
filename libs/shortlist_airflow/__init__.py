"""The Airflow side: how DAGs submit jobs. It knows settings and errors of `shortlist`, and never loads Spark."""
