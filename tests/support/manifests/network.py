"""Network policies: everything is denied, and what is allowed leads somewhere."""

from collections.abc import Iterator

from manifests.cluster import Object, Pods, all_pods, of_kind, selected

PARTNERS = {
    53: "names",
    5432: "PostgreSQL",
    5672: "RabbitMQ",
    5671: "RabbitMQ over TLS",
    443: "HTTPS: issuer, CRM, SMS providers, insurers",
    8088: "ARI of Asterisk",
    8089: "ARI of Asterisk over TLS",
    2775: "SMPP",
    3550: "SMPP over TLS",
    22: "SFTP",
    993: "IMAP over TLS",
    465: "SMTP over TLS",
    587: "SMTP with STARTTLS",
}
"""Ports outside of Careline that its pods may go to, and what is there."""
MUST_REACH = {"Deployment": {53, 5432, 5672, 443}, "Job": {53, 5432}}


def faults(objects: list[Object]) -> list[str]:
    policies, pods = of_kind(objects, "NetworkPolicy"), all_pods(objects)
    return [
        *_denied(policies, pods),
        *(
            f"NetworkPolicy {policy['metadata']['name']}: {fault}"
            for policy in policies
            for fault in (*_over(policy, pods), *_incoming(policy, pods), *_outgoing(policy, pods))
        ),
        *_reach(policies, pods),
        *_both_ways(policies, pods),
        *_forward(policies, pods),
    ]


def _denied(policies: list[Object], pods: list[Pods]) -> Iterator[str]:
    for each in pods:
        covering = [
            policy["spec"] for policy in policies if selected(policy["spec"]["podSelector"], [each])
        ]
        if not any(
            set(spec["policyTypes"]) == {"Ingress", "Egress"}
            and not {"ingress", "egress"} & set(spec)
            for spec in covering
        ):
            yield f"{each.name}: no policy denies the rest"


def _over(policy: Object, pods: list[Pods]) -> Iterator[str]:
    if not selected(policy["spec"]["podSelector"], pods):
        yield "is over no pod"
    kinds = {"Ingress": "ingress", "Egress": "egress"}
    for kind, rules in kinds.items():
        if rules in policy["spec"] and kind not in policy["spec"]["policyTypes"]:
            yield f"has {rules} without its type"


def _incoming(policy: Object, pods: list[Pods]) -> Iterator[str]:
    for rule in policy["spec"].get("ingress", []):
        for port in _ports(rule):
            for each in selected(policy["spec"]["podSelector"], pods):
                if port not in each.ports.values():
                    yield f"{each.name} has no port {port}"
        if not rule.get("from"):
            yield "lets everybody in"


def _outgoing(policy: Object, pods: list[Pods]) -> Iterator[str]:
    for rule in policy["spec"].get("egress", []):
        if not rule.get("to") or not rule.get("ports"):
            yield "lets out to everywhere"
        for port in _ports(rule):
            for peer in rule.get("to", []):
                yield from _target(peer, port, pods)


def _target(peer: Object, port: int, pods: list[Pods]) -> Iterator[str]:
    if set(peer) != {"podSelector"}:
        if port not in PARTNERS:
            yield f"nothing of ours asks for port {port}"
        return
    targets = selected(peer["podSelector"], pods)
    if not targets:
        yield "lets out to no pod"
    for each in targets:
        if port not in each.ports.values():
            yield f"{each.name} has no port {port}"


def _reach(policies: list[Object], pods: list[Pods]) -> Iterator[str]:
    for each in pods:
        reached = {
            port
            for policy in policies
            if selected(policy["spec"]["podSelector"], [each])
            for rule in policy["spec"].get("egress", [])
            for port in _ports(rule)
        }
        for port in sorted(MUST_REACH[each.kind] - reached):
            yield f"{each.name} cannot reach {PARTNERS[port]}"


def _both_ways(policies: list[Object], pods: list[Pods]) -> Iterator[str]:
    """Who may go to a pod of ours must be let in there, and the other way round."""
    out, into = set(), set()
    for policy in policies:
        ours = {each.name for each in selected(policy["spec"]["podSelector"], pods)}
        for rule in policy["spec"].get("egress", []):
            out |= {(a, b) for a in ours for b in _pods_of(rule.get("to", []), pods)}
        for rule in policy["spec"].get("ingress", []):
            into |= {(a, b) for a in _pods_of(rule.get("from", []), pods) for b in ours}
    for a, b in sorted(out ^ into):
        yield f"between {a} and {b} only one side allows it"


def _forward(policies: list[Object], pods: list[Pods]) -> Iterator[str]:
    """A router that stands by passes requests on to the one that leads."""
    for each in pods:
        if each.kind == "Deployment" and each.service == "router":
            reached = {
                name
                for policy in policies
                if selected(policy["spec"]["podSelector"], [each])
                for rule in policy["spec"].get("egress", [])
                for name in _pods_of(rule.get("to", []), pods)
            }
            if each.name not in reached:
                yield f"{each.name} cannot reach its like"


def _pods_of(peers: list[Object], pods: list[Pods]) -> set[str]:
    return {
        each.name
        for peer in peers
        if set(peer) == {"podSelector"}
        for each in selected(peer["podSelector"], pods)
    }


def _ports(rule: Object) -> list[int]:
    return [port["port"] for port in rule.get("ports", [])]
