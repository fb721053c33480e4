"""The manifests as a cluster gets them, held against schemas, security rules, settings and each other.

The second half breaks a copy in many ways: a check that finds nothing wrong there checks nothing.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from manifests import environment, hardening, network, schemas, wiring
from manifests.cluster import PROJECT, Object, build, named

pytestmark = pytest.mark.integration

PAGE = PROJECT / "docs" / "kubernetes.md"
Change = Callable[[list[Object]], None]


@pytest.fixture(scope="module")
def built() -> list[Object]:
    """The example, which is the base with everything that it leaves open."""
    return build("overlays/example")


def faults(objects: list[Object]) -> list[str]:
    return [
        *schemas.faults(objects),
        *hardening.faults(objects),
        *network.faults(objects),
        *wiring.faults(objects),
        *environment.faults(objects, PAGE.read_text()),
    ]


def test_the_example_is_in_order(built: list[Object]) -> None:
    assert faults(built) == []


def test_the_base_alone_is_in_order_but_for_what_an_installation_says() -> None:
    base = build("base")
    assert schemas.faults(base) + hardening.faults(base) + network.faults(base) == []
    left = {fault.split(": ", 1)[1] for fault in environment.faults(base, PAGE.read_text())}
    assert left == {
        "CARELINE_OIDC_ISSUER must be set",
        "CARELINE_OIDC_JWKS must be set",
        "CARELINE_SURVEYS_PUBLIC_URL must be set",
        "CARELINE_RECORDING_HOSTS must be set",
    }


def test_nothing_is_named_twice(built: list[Object]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in built]
    assert len(set(names)) == len(names)


def test_no_secret_is_written_down(built: list[Object]) -> None:
    assert [each for each in built if each["kind"] == "Secret"] == []


def pod(objects: list[Object], name: str = "careline-tickets") -> Object:
    spec: Object = named(objects, "Deployment", name)["spec"]["template"]["spec"]
    return spec


def main(objects: list[Object], name: str = "careline-tickets") -> Object:
    container: Object = pod(objects, name)["containers"][0]
    return container


def policy(objects: list[Object], name: str) -> Object:
    spec: Object = named(objects, "NetworkPolicy", f"careline-{name}")["spec"]
    return spec


def a_wrong_type(objects: list[Object]) -> None:
    named(objects, "Deployment", "careline-tickets")["spec"]["revisionHistoryLimit"] = "five"


def an_unknown_field(objects: list[Object]) -> None:
    main(objects)["readynessProbe"] = {}


def an_unknown_field_of_a_monitor(objects: list[Object]) -> None:
    named(objects, "PodMonitor", "careline")["spec"]["podMetricsEndpoints"][0]["pth"] = "/metrics"


def a_rule_without_an_expression(objects: list[Object]) -> None:
    del named(objects, "PrometheusRule", "careline")["spec"]["groups"][0]["rules"][0]["expr"]


def root(objects: list[Object]) -> None:
    pod(objects)["securityContext"]["runAsUser"] = 0


def root_in_the_container(objects: list[Object]) -> None:
    main(objects)["securityContext"]["runAsUser"] = 0


def a_tree_to_write_to(objects: list[Object]) -> None:
    main(objects)["securityContext"]["readOnlyRootFilesystem"] = False


def the_nodes_folder(objects: list[Object]) -> None:
    pod(objects)["volumes"][0] = {"name": "tmp", "hostPath": {"path": "/tmp"}}


def a_capability(objects: list[Object]) -> None:
    main(objects)["securityContext"]["capabilities"]["add"] = ["NET_RAW"]


def a_token_of_the_cluster(objects: list[Object]) -> None:
    del pod(objects)["automountServiceAccountToken"]


def an_init_container_with_privileges(objects: list[Object]) -> None:
    pod(objects)["initContainers"] = [{"name": "init", "image": "careline:1"}]


def no_limit_of_memory(objects: list[Object]) -> None:
    del main(objects)["resources"]["limits"]


def an_image_without_a_version(objects: list[Object]) -> None:
    main(objects)["image"] = "careline"


def a_service_that_leads_nowhere(objects: list[Object]) -> None:
    named(objects, "Service", "careline-router")["spec"]["selector"]["app.kubernetes.io/name"] = "r"


def a_port_that_nobody_listens_on(objects: list[Object]) -> None:
    named(objects, "Service", "careline-router")["spec"]["ports"][0]["targetPort"] = "https"


def another_port_than_it_listens_on(objects: list[Object]) -> None:
    main(objects)["args"][-1] = "9000"


def an_unknown_option(objects: list[Object]) -> None:
    main(objects)["args"][2] = "--hots"


def an_unknown_command(objects: list[Object]) -> None:
    main(objects)["args"][1] = "run"


def liveness_that_asks_for_the_database(objects: list[Object]) -> None:
    main(objects)["livenessProbe"]["httpGet"]["path"] = "/readyz"


def no_time_to_finish(objects: list[Object]) -> None:
    pod(objects, "careline-router")["terminationGracePeriodSeconds"] = 15


def a_spool_that_cannot_be_shared(objects: list[Object]) -> None:
    claim = named(objects, "PersistentVolumeClaim", "careline-ingest-spool")
    claim["spec"]["accessModes"] = ["ReadWriteOnce"]


def no_budget(objects: list[Object]) -> None:
    objects.remove(named(objects, "PodDisruptionBudget", "careline-router"))


def an_ingress_to_nowhere(objects: list[Object]) -> None:
    path = named(objects, "Ingress", "careline")["spec"]["rules"][0]["http"]["paths"][0]
    path["backend"]["service"]["name"] = "careline"


def one_service_too_few(objects: list[Object]) -> None:
    objects.remove(named(objects, "Job", "careline-surveys-migrate"))


def nothing_denied(objects: list[Object]) -> None:
    objects.remove(named(objects, "NetworkPolicy", "careline-nothing-else"))


def everybody_let_in(objects: list[Object]) -> None:
    del policy(objects, "callers")["ingress"][0]["from"]


def a_policy_over_no_pod(objects: list[Object]) -> None:
    policy(objects, "sftp")["podSelector"]["matchLabels"]["app.kubernetes.io/name"] = "sftp"


def a_closed_port_let_in_to(objects: list[Object]) -> None:
    policy(objects, "callers")["ingress"][0]["ports"][0]["port"] = 80


def a_way_out_that_nobody_needs(objects: list[Object]) -> None:
    policy(objects, "partners")["egress"][0]["ports"].append({"protocol": "TCP", "port": 25})


def one_side_that_does_not_know(objects: list[Object]) -> None:
    objects.remove(named(objects, "NetworkPolicy", "careline-ingest-readers"))


def a_leader_who_lets_no_standby_in(objects: list[Object]) -> None:
    del policy(objects, "routers")["ingress"]


def no_way_from_router_to_router(objects: list[Object]) -> None:
    objects.remove(named(objects, "NetworkPolicy", "careline-routers"))


def no_way_to_the_broker(objects: list[Object]) -> None:
    objects.remove(named(objects, "NetworkPolicy", "careline-broker"))


def an_unknown_setting(objects: list[Object]) -> None:
    main(objects)["env"].append({"name": "CARELINE_TRACK_PER_HOUR", "value": "30"})


def a_setting_of_another_service(objects: list[Object]) -> None:
    main(objects)["env"].append({"name": "CARELINE_INGEST_WORKERS", "value": "2"})


def a_value_that_is_refused(objects: list[Object]) -> None:
    main(objects)["env"].append({"name": "CARELINE_TRACK_PER_MINUTE", "value": "none"})


def _setting(env: list[Object], name: str) -> Object:
    return next(each for each in env if each["name"] == name)


def no_database(objects: list[Object]) -> None:
    env = main(objects)["env"]
    env.remove(_setting(env, "CARELINE_DATABASE_URL"))


def no_address_to_pass_requests_on_to(objects: list[Object]) -> None:
    env = main(objects, "careline-router")["env"]
    env.remove(_setting(env, "CARELINE_ADDRESS"))


def no_key_of_personal_data(objects: list[Object]) -> None:
    env = main(objects)["env"]
    env.remove(_setting(env, "CARELINE_PII_KEY"))


def the_address_of_one_machine(objects: list[Object]) -> None:
    (config,) = (each for each in objects if "CARELINE_INGEST_URL" in each.get("data", {}))
    del config["data"]["CARELINE_INGEST_URL"]


def a_secret_that_nobody_is_told_of(objects: list[Object]) -> None:
    database = _setting(main(objects)["env"], "CARELINE_DATABASE_URL")
    database["valueFrom"]["secretKeyRef"]["key"] = "dsn"


BREAKS: dict[Change, str] = {
    a_wrong_type: "Deployment careline-tickets",
    an_unknown_field: "readynessProbe",
    an_unknown_field_of_a_monitor: "pth",
    a_rule_without_an_expression: "'expr' is a required property",
    root: "runs as a user that is not root",
    root_in_the_container: "does not take back what the pod says",
    a_tree_to_write_to: "a tree that cannot be written to",
    the_nodes_folder: "only volumes that are not the node's",
    a_capability: "no capabilities",
    a_token_of_the_cluster: "no token of the cluster",
    an_init_container_with_privileges: "cannot gain privileges",
    no_limit_of_memory: "no limits",
    an_image_without_a_version: "an image without a version",
    a_service_that_leads_nowhere: "Service careline-router leads to []",
    a_port_that_nobody_listens_on: "no port https",
    another_port_than_it_listens_on: "listens on another port than it says",
    an_unknown_option: "careline tickets serve: ",
    an_unknown_command: "there is no command careline tickets run",
    liveness_that_asks_for_the_database: "livenessProbe does not ask /healthz",
    no_time_to_finish: "careline-router: is killed before it has finished",
    a_spool_that_cannot_be_shared: "several pods cannot share",
    no_budget: "careline-router: no budget keeps one of its pods",
    an_ingress_to_nowhere: "leads to no Service",
    one_service_too_few: "no Job of surveys",
    nothing_denied: "no policy denies the rest",
    everybody_let_in: "lets everybody in",
    a_policy_over_no_pod: "is over no pod",
    a_closed_port_let_in_to: "has no port 80",
    a_way_out_that_nobody_needs: "nothing of ours asks for port 25",
    one_side_that_does_not_know: "only one side allows it",
    a_leader_who_lets_no_standby_in: "between careline-router and careline-router only one side",
    no_way_from_router_to_router: "careline-router cannot reach its like",
    no_way_to_the_broker: "cannot reach RabbitMQ",
    an_unknown_setting: "tickets has no setting CARELINE_TRACK_PER_HOUR",
    a_setting_of_another_service: "tickets has no setting CARELINE_INGEST_WORKERS",
    a_value_that_is_refused: "does not start",
    no_database: "CARELINE_DATABASE_URL must be set",
    no_address_to_pass_requests_on_to: "careline-router: CARELINE_ADDRESS must be set",
    no_key_of_personal_data: "CARELINE_PII_KEY must be set",
    the_address_of_one_machine: "CARELINE_INGEST_URL must be set",
    a_secret_that_nobody_is_told_of: "nobody is told of the key dsn",
}


@pytest.mark.parametrize("change", BREAKS, ids=lambda change: change.__name__)
def test_a_mistake_is_found(built: list[Object], change: Change) -> None:
    broken = copy.deepcopy(built)
    change(broken)
    changed = [each for each in broken if each not in built]
    found = [
        *schemas.faults(changed),
        *hardening.faults(broken),
        *network.faults(broken),
        *wiring.faults(broken),
        *environment.faults(broken, PAGE.read_text()),
    ]
    assert any(BREAKS[change] in fault for fault in found), found


def test_a_value_that_yaml_takes_for_something_else_is_found(tmp_path: Path) -> None:
    objects: list[Any] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"A": 1}}
    ]
    assert len(schemas.faults(objects)) == len(schemas.KUBERNETES)
