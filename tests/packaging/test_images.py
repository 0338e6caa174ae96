import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FRONTDESK = Path(sys.executable).parent / "frontdesk"


def read_dockerfile() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            word, rest = line.split(maxsplit=1)
            yield word, rest


DOCKERFILE = list(read_dockerfile())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def find(word: str) -> list[str]:
    return [rest for found, rest in DOCKERFILE if found == word]


def list_copied() -> list[str]:
    copies = [rest.split() for rest in find("COPY") if not rest.startswith("--from")]
    return [source for *sources, _ in copies for source in sources]


def list_commands() -> list[list[str]]:
    default = yaml.safe_load(find("CMD")[0])
    return [default, *(service["command"] for service in SERVICES.values())]


def test_every_copied_path_exists() -> None:
    assert [path for path in list_copied() if not (ROOT / path).exists()] == []


def test_every_copied_path_is_let_through_to_the_builder() -> None:
    admitted = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(admitted) == sorted({path.rstrip("/") for path in list_copied()})


def test_every_package_is_in_the_image() -> None:
    packages = {path.parent.name for path in ROOT.glob("[a-z]*/__init__.py")} - {"tests"}
    assert packages <= {path.rstrip("/") for path in list_copied()}


def test_every_make_target_exists() -> None:
    targets = [target for rest in find("RUN") for target in re.findall(r"\bmake ([a-z]+)", rest)]
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_make_variable_exists() -> None:
    given = re.findall(r"\b([A-Z_]+)=\S", " ".join(r for r in find("RUN") if "make runtime" in r))
    makefile = (ROOT / "Makefile").read_text()
    assert [v for v in given if not re.search(rf"^{v} \?=", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("words", list_commands(), ids=" ".join)
def test_every_command_exists(words: list[str]) -> None:
    if not FRONTDESK.exists():
        pytest.skip("frontdesk isn't installed in this environment: run `make setup`")
    command = [str(FRONTDESK), *(word for word in words if word != "articles"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"frontdesk {' '.join(command[1:-1])}" in done.stdout


def test_the_health_check_asks_a_route_that_the_service_has() -> None:
    (check,) = find("HEALTHCHECK")
    _, _, snippet = yaml.safe_load(check.split(" CMD ")[1])
    compile(snippet, "health check", "exec")
    path = re.findall(r"127\.0\.0\.1:8000(/\w+)", snippet)[0]
    assert any(path in module.read_text() for module in ROOT.glob("api/**/*.py"))


def test_the_service_runs_as_nobody_special() -> None:
    assert find("USER") == ["10001:10001"]
    for service in SERVICES.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_port_is_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8000"]
    assert find("EXPOSE") == ["8000"]


def test_models_and_data_are_in_volumes_that_the_service_knows() -> None:
    volumes = yaml.safe_load(find("VOLUME")[0])
    environment = dict(word.split("=", 1) for word in shlex.split(" ".join(find("ENV"))))
    assert volumes == [environment["FRONTDESK_CACHE"], environment["FRONTDESK_DATA"]]
    for service in SERVICES.values():
        mounted = [volume.split(":") for volume in service["volumes"][:2]]
        assert [target for _, target in mounted] == volumes
        assert {name for name, _ in mounted} == set(COMPOSE["volumes"])


def test_compose_gives_arguments_and_waits_for_services_that_exist() -> None:
    arguments = {rest.split("=")[0] for rest in find("ARG")}
    for service in SERVICES.values():
        assert set(service["build"]["args"]) <= arguments
        assert set(service.get("depends_on", {})) <= set(SERVICES)
