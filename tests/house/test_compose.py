"""The compose file and what goes into the images that it builds: what no schema knows."""

import re
from pathlib import Path
from typing import Any

import yaml

HOUSE = Path(__file__).parents[2]
COMPOSE = HOUSE / "infra" / "docker" / "compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}


def test_an_image_that_another_is_built_on_is_named_as_its_context() -> None:
    """Or a builder that builds both at once looks for it in a registry (docker/compose#13013)."""
    of_image = {service["image"]: name for name, service in BUILT.items()}
    built_on = {
        name: {
            base: f"service:{of_image[base]}" for base in service["build"].get("args", {}).values() if base in of_image
        }
        for name, service in BUILT.items()
    }
    assert built_on["airflow-init"]
    for name, bases in built_on.items():
        assert SERVICES[name]["build"].get("additional_contexts", {}) == bases, name
        # `up --build` of one service finds the other only among what it depends on (docker/compose#13338).
        needed = {context.removeprefix("service:") for context in bases.values()}
        assert needed <= set(SERVICES[name].get("depends_on", {})), name


def test_the_base_of_an_image_is_the_argument_that_the_compose_file_gives() -> None:
    for service in BUILT.values():
        dockerfile = (HOUSE / service["build"]["dockerfile"]).read_text()
        for name, value in service["build"].get("args", {}).items():
            assert f"ARG {name}={value}\nFROM ${{{name}}}" in dockerfile


def test_settings_that_are_not_there_are_no_folder_of_that_name() -> None:
    """A short mount of what is not there makes it, as root; one without a slash is a volume's name."""
    named = {"state", "postgres", "objects"}
    mounts = [each for service in SERVICES.values() for each in service.get("volumes", [])]
    assert {each.partition(":")[0] for each in mounts if isinstance(each, str)} == named
    (settings,) = {each["source"]: each for each in mounts if not isinstance(each, str)}.values()
    assert settings["source"].startswith("${SHORTLIST_SETTINGS:")
    assert (settings["type"], settings["bind"]) == ("bind", {"create_host_path": False})
    assert "SHORTLIST_SETTINGS, the absolute path of your settings.yaml" in COMPOSE.read_text()


def test_what_keeps_running_is_asked_whether_it_works() -> None:
    """The images' own checks say only that packages or the database are there; what ends by itself needs none."""
    for name, service in SERVICES.items():
        check = service.get("healthcheck", {})
        if service["restart"] == "no":
            assert check == {"disable": True}, name
            continue
        asked = " ".join(check["test"])
        assert "db check" not in asked, name
        assert "import pyspark" not in asked, name
    jobs = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
    for part, job in jobs.items():
        service = SERVICES[f"airflow-{part}"]
        assert service["command"] == ["airflow", part]
        assert service["healthcheck"]["test"] == ["CMD", "airflow", "jobs", "check", "--job-type", job, "--local"]


def test_a_page_that_is_asked_is_where_it_is_served() -> None:
    for name in ("spark-master", "spark-worker", "airflow-api-server"):
        (port,) = re.findall(r"http://[\w.-]+:(\d+)/", " ".join(SERVICES[name]["healthcheck"]["test"]))
        command = SERVICES[name]["command"]
        assert port in command, name


def test_a_build_is_sent_what_it_copies_and_no_keys() -> None:
    lines = [line for line in (HOUSE / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    # The last line that matches a path decides.
    assert lines[0] == "*"
    assert lines.index("**/.env") > max(number for number, line in enumerate(lines) if line[0] == "!")
    allowed = {line[1:] for line in lines if line[0] == "!"}
    copied: set[str] = set()
    for path in COMPOSE.parent.glob("*.Dockerfile"):
        for rest in re.findall(r"^COPY (?!--from)(.*)$", path.read_text(), re.MULTILINE):
            copied |= {part.partition("/")[0] for part in rest.split()[:-1] if not part.startswith("--")}
    (packed,) = re.findall(r'"\$CHECKOUT"/\{([^}]*)\}', (HOUSE / "infra" / "package").read_text())
    assert (copied | set(packed.split(","))) - {"."} == allowed
    assert [name for name in allowed if not (HOUSE / name).exists()] == []
    assert ".env" in (HOUSE / ".gitignore").read_text().splitlines()
