# The Spark side: drivers, executors, standalone masters and workers, and the command line `shortlist`. From the checkout:
#     docker build -f infra/docker/jobs.Dockerfile -t shortlist-jobs:0.1.0 .
# Bases are pinned by tag: where this file was written no registry was within reach that would tell a digest. Pin yours with
# --build-arg BASE=python:3.11.13-slim-bookworm@sha256:... once you have looked it up.
ARG BASE=python:3.11.13-slim-bookworm

# Debian's security fixes come with the newest of its packages; the release is pinned by the base.
# hadolint global ignore=DL3008
FROM ${BASE} AS base
ENV JAVA_HOME=/usr/lib/jvm/java-17
RUN apt-get update \
 && apt-get install -y --no-install-recommends openjdk-17-jre-headless libgomp1 procps tini \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s "$(dirname "$(dirname "$(readlink -f /usr/bin/java)")")" "$JAVA_HOME" \
 && groupadd --gid 10001 shortlist \
 && useradd --uid 10001 --gid shortlist --home-dir /opt/shortlist --no-create-home shortlist \
 && install -d -o shortlist -g shortlist /opt/shortlist /opt/shortlist/build /state

# Locked packages, Delta's jars and what Spark needs for s3://, checked against their sums: what `infra/setup --object-store` does
# on a machine, in the place of the image.
FROM base AS packages
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
USER 10001
WORKDIR /opt/shortlist/build
ENV SHORTLIST_HOME=/opt/shortlist
COPY --chown=10001:10001 infra/environments.sh infra/environments.sh
COPY --chown=10001:10001 infra/requirements infra/requirements
COPY --chown=10001:10001 infra/spark/logstore infra/spark/logstore
# hadolint ignore=SC1091
RUN . infra/environments.sh && preflight && make_environment jobs && fetch_delta_jars && add_object_store && rm -rf "$LOGS"

# The project as a wheel, without the files of its checkout.
FROM packages AS project
COPY --chown=10001:10001 . .
RUN infra/package /opt/shortlist/wheel \
 && /opt/shortlist/envs/jobs/bin/python -m pip install --no-cache-dir --no-deps --no-index /opt/shortlist/wheel/*.whl

FROM base AS jobs
COPY --from=project /opt/shortlist/envs/jobs /opt/shortlist/envs/jobs
COPY --chown=10001:10001 infra/spark /opt/shortlist/spark
COPY --chown=10001:10001 jobs /opt/shortlist/jobs
COPY --chown=10001:10001 --chmod=0755 infra/docker/entrypoint /opt/shortlist/entrypoint
COPY --chown=10001:10001 infra/docker/spark-defaults.conf /opt/shortlist/spark/compose.conf
# As infra/environments.sh (use_jobs_environment) has it on a machine; a house test compares them.
ENV SHORTLIST_HOME=/state \
    SPARK_HOME=/opt/shortlist/envs/jobs/lib/python3.11/site-packages/pyspark \
    SHORTLIST_PYTHON=/opt/shortlist/envs/jobs/bin/python \
    PYSPARK_PYTHON=/opt/shortlist/spark/local/bin/spark-python \
    PYSPARK_DRIVER_PYTHON=/opt/shortlist/spark/local/bin/driver-python \
    OPENBLAS_NUM_THREADS=1 \
    OMP_NUM_THREADS=1 \
    MKL_NUM_THREADS=1 \
    NUMBA_CACHE_DIR=/opt/shortlist/numba \
    SPARK_CONF_DIR=/opt/shortlist/spark/conf \
    SPARK_SUBMIT_OPTS="-XX:+UseParallelGC -XX:ReservedCodeCacheSize=256m -XX:-DontCompileHugeMethods -Dlog4j2.configurationFile=/opt/shortlist/spark/local/log4j2.properties" \
    PATH=/opt/shortlist/spark/local/bin:/opt/shortlist/envs/jobs/bin:/usr/local/bin:/usr/bin:/bin
USER 10001
WORKDIR /opt/shortlist
# For the CPU of the machine that builds: another kind compiles its own once, into the same folder.
RUN mkdir -p "$SPARK_CONF_DIR" "$NUMBA_CACHE_DIR" && python -m shortlist.kernels
VOLUME /state
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s CMD ["python", "-c", "import pyspark, shortlist.kernels.ials"]
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/shortlist/entrypoint"]
CMD ["shortlist", "--help"]
