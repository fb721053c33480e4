"""Whether what the manifests name is there: pods behind Services, ports, probes' routes, commands, claims."""

from collections.abc import Iterator
from functools import cache

from starlette.routing import Route
from typer.main import get_command

from careline import exposed, roster, serving
from careline.cli import app as command_line
from manifests.cluster import Object, Pods, all_pods, named, of_kind, selected

STOPPING_S = 10
"""Upper bound of what a service needs to finish after the requests in hand: the last messages, the lease."""


def faults(objects: list[Object]) -> list[str]:
    return [
        *_all_four(objects),
        *_services(objects),
        *_ingresses(objects),
        *_budgets(objects),
        *_monitors(objects),
        *(
            f"{pods.name}: {fault}"
            for pods in all_pods(objects)
            for fault in (
                *_command(pods),
                *_probes(pods),
                *_drain(pods),
                *_spread(pods),
                *_mounts(pods, objects),
            )
        ),
    ]


def _all_four(objects: list[Object]) -> Iterator[str]:
    for kind, suffix in (("Deployment", ""), ("Service", ""), ("Job", "-migrate")):
        there = {each["metadata"]["name"] for each in of_kind(objects, kind)}
        for name in roster.NAMES:
            if f"careline-{name}{suffix}" not in there:
                yield f"no {kind} of {name}"


def _services(objects: list[Object]) -> Iterator[str]:
    for service in of_kind(objects, "Service"):
        name = service["metadata"]["name"]
        behind = selected({"matchLabels": service["spec"]["selector"]}, all_pods(objects))
        if [pods.name for pods in behind] != [name]:
            yield f"Service {name} leads to {[pods.name for pods in behind]}"
        for port in service["spec"]["ports"]:
            if any(port["targetPort"] not in pods.ports for pods in behind):
                yield f"Service {name}: no port {port['targetPort']} in its pods"


def _ingresses(objects: list[Object]) -> Iterator[str]:
    ports = {
        (service["metadata"]["name"], port["name"])
        for service in of_kind(objects, "Service")
        for port in service["spec"]["ports"]
    }
    for ingress in of_kind(objects, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                if (service["name"], service["port"]["name"]) not in ports:
                    yield f"{rule['host']} leads to no Service"


def _budgets(objects: list[Object]) -> Iterator[str]:
    without = {each["metadata"]["name"] for each in of_kind(objects, "Deployment")}
    for budget in of_kind(objects, "PodDisruptionBudget"):
        name, spec = budget["metadata"]["name"], budget["spec"]
        covered = selected(spec["selector"], all_pods(objects))
        if [pods.kind for pods in covered] != ["Deployment"]:
            yield f"PodDisruptionBudget {name} is over {[pods.name for pods in covered]}"
            continue
        if covered[0].owner["spec"]["replicas"] <= spec["minAvailable"]:
            yield f"PodDisruptionBudget {name} lets no node be emptied"
        without.discard(covered[0].name)
    yield from (f"{name}: no budget keeps one of its pods" for name in sorted(without))


def _monitors(objects: list[Object]) -> Iterator[str]:
    for monitor in of_kind(objects, "PodMonitor"):
        scraped = selected(monitor["spec"]["selector"], all_pods(objects))
        if {pods.name for pods in scraped} != {f"careline-{name}" for name in roster.NAMES}:
            yield f"PodMonitor scrapes {[pods.name for pods in scraped]}"
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            for pods in scraped:
                if endpoint["port"] not in pods.ports:
                    yield f"PodMonitor: {pods.name} has no port {endpoint['port']}"
                if endpoint["path"] not in _routes(pods.service):
                    yield f"PodMonitor: {pods.service} has no {endpoint['path']}"
                if monitor["spec"]["jobLabel"] not in pods.labels:
                    yield f"PodMonitor: {pods.name} has no label for `job`"


@cache
def _routes(service: str) -> set[str]:
    return {each.path for each in exposed.assembled(service).app.routes if isinstance(each, Route)}


def _command(pods: Pods) -> Iterator[str]:
    service, name, *rest = pods.container["args"]
    commands = get_command(command_line).commands.get(service)  # type: ignore[attr-defined]
    command = commands.commands.get(name) if commands else None
    if command is None:
        yield f"there is no command careline {service} {name}"
        return
    try:
        command.make_context(name, list(rest))
    except Exception as error:  # noqa: BLE001 - whatever a wrong option raises
        yield f"careline {service} {name}: {error}"
    if name == "serve" and pods.ports != {"http": int(rest[rest.index("--port") + 1])}:
        yield "listens on another port than it says"


def _probes(pods: Pods) -> Iterator[str]:
    wanted = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    if pods.kind == "Job":
        return
    routes = _routes(pods.service)
    for probe, path in wanted.items():
        get = pods.container.get(probe, {}).get("httpGet", {})
        if get.get("path") != path or path not in routes:
            yield f"{probe} does not ask {path}"
        if get.get("port") not in pods.ports:
            yield f"{probe} asks a port that is not there"


def _drain(pods: Pods) -> Iterator[str]:
    if pods.kind == "Job":
        return
    sleep = (
        pods.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    )
    if not sleep:
        yield "stops while it is still being sent requests"
    if pods.spec["terminationGracePeriodSeconds"] < sleep + serving.GRACE_S + STOPPING_S:
        yield "is killed before it has finished"


def _spread(pods: Pods) -> Iterator[str]:
    if pods.kind == "Job":
        return
    constraints = pods.spec.get("topologySpreadConstraints", [])
    if not constraints or not all(selected(each["labelSelector"], [pods]) for each in constraints):
        yield "its pods are not spread over nodes"


def _mounts(pods: Pods, objects: list[Object]) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pods.spec.get("volumes", [])}
    mounted = {mount["name"] for mount in pods.container.get("volumeMounts", [])}
    if mounted != set(volumes):
        yield f"mounts {sorted(mounted)} of {sorted(volumes)}"
    for volume in volumes.values():
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim is None:
            continue
        modes = named(objects, "PersistentVolumeClaim", claim)["spec"]["accessModes"]
        if pods.owner["spec"].get("replicas", 1) > 1 and "ReadWriteMany" not in modes:
            yield f"several pods cannot share {claim}"
