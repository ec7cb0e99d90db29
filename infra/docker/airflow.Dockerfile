# The Airflow side. Its tasks are drivers (spark-submit in client mode), so it stands on the jobs image and adds an environment of
# its own: two that never meet, as on a machine. From the checkout, after the jobs image:
#     docker build -f infra/docker/airflow.Dockerfile -t shortlist-airflow:0.1.0 .
ARG JOBS=shortlist-jobs:0.1.0
FROM ${JOBS} AS jobs

FROM jobs AS packages
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /opt/shortlist/build
ENV SHORTLIST_HOME=/opt/shortlist
COPY --chown=10001:10001 infra/environments.sh infra/environments.sh
COPY --chown=10001:10001 infra/requirements infra/requirements
# hadolint ignore=SC1091
RUN . infra/environments.sh && preflight && make_environment airflow && rm -rf "$LOGS"
COPY --chown=10001:10001 . .
RUN infra/package /opt/shortlist/wheel \
 && /opt/shortlist/envs/airflow/bin/python -m pip install --no-cache-dir --no-deps --no-index /opt/shortlist/wheel/*.whl

# Both environments have a `shortlist`; that of the jobs, which has its packages, comes first.
FROM jobs AS airflow
COPY --from=packages /opt/shortlist/envs/airflow /opt/shortlist/envs/airflow
ENV AIRFLOW_HOME=/opt/shortlist/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/shortlist/envs/airflow/lib/python3.11/site-packages/shortlist_airflow/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=60 \
    AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=180 \
    AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT=240 \
    AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD=300 \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    PATH=/opt/shortlist/spark/local/bin:/opt/shortlist/envs/jobs/bin:/opt/shortlist/envs/airflow/bin:/usr/local/bin:/usr/bin:/bin
# The probes of Airflow's chart start what they ask by this name.
USER 0
RUN ln -s /opt/shortlist/entrypoint /entrypoint
USER 10001
RUN mkdir -p "$AIRFLOW_HOME"
HEALTHCHECK --interval=60s --timeout=45s --start-period=120s CMD ["airflow", "db", "check"]
CMD ["airflow", "version"]
