"""The objects that a cluster would be given, and how they hang together."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from careline_common.testing.components import require

PROJECT = Path(__file__).resolve().parents[3]
K8S = PROJECT / "deploy" / "k8s"

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of a Deployment or a Job: its template."""

    owner: Object

    @property
    def name(self) -> str:
        return str(self.owner["metadata"]["name"])

    @property
    def kind(self) -> str:
        return str(self.owner["kind"])

    @property
    def service(self) -> str:
        """Which of the four it runs: the first word after `careline`."""
        return str(self.container["args"][0])

    @property
    def labels(self) -> Mapping[str, str]:
        return dict(self.owner["spec"]["template"]["metadata"]["labels"])

    @property
    def spec(self) -> Object:
        spec: Object = self.owner["spec"]["template"]["spec"]
        return spec

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def container(self) -> Object:
        only: Object = self.spec["containers"][0]
        return only

    @property
    def ports(self) -> dict[str, int]:
        return {
            port["name"]: port["containerPort"]
            for container in self.containers
            for port in container.get("ports", [])
        }


def build(folder: str) -> list[Object]:
    """What `kustomize build` makes of a folder under deploy/k8s."""
    kustomize = require("kustomize", PROJECT).prefix / "usr" / "bin" / "kustomize"
    done = subprocess.run(
        [kustomize, "build", K8S / folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def named(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = (each for each in of_kind(objects, kind) if each["metadata"]["name"] == name)
    return found


def all_pods(objects: list[Object]) -> list[Pods]:
    return [Pods(each) for each in objects if each["kind"] in {"Deployment", "Job"}]


def selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """A Kubernetes label selector; the empty one selects everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    assert expression["operator"] == "In", "teach the check this operator"
    return labels.get(expression["key"]) in expression["values"]


def selected(selector: Object | None, pods: list[Pods]) -> list[Pods]:
    return [each for each in pods if selects(selector, each.labels)]


def variables(objects: list[Object], pods: Pods) -> Iterator[tuple[str, str | None]]:
    """Every environment variable of a pod with its value; None for one out of a Secret."""
    for source in pods.container.get("envFrom", []):
        data = named(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
        yield from data.items()
    for variable in pods.container.get("env", []):
        yield variable["name"], variable.get("value")


def secret_keys(pods: Pods) -> set[tuple[str, str]]:
    """Every key of a Secret that a pod needs, in a variable or as a file."""
    found = {
        (reference["name"], reference["key"])
        for variable in pods.container.get("env", [])
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
    }
    for volume in pods.spec.get("volumes", []):
        if "secret" in volume:
            found |= {
                (volume["secret"]["secretName"], item["key"]) for item in volume["secret"]["items"]
            }
    return found
