"""The Pod Security Standard "restricted", and what we ask beyond it, as a table of rules."""

from collections.abc import Callable

from manifests.cluster import Object, all_pods

VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""The kinds of volumes that "restricted" allows."""

OF_PODS: dict[str, Callable[[Object], bool]] = {
    "no part of the node's network, processes or IPC": lambda pod: (
        not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
    ),
    "only volumes that are not the node's": lambda pod: all(
        set(volume) - {"name"} <= VOLUMES for volume in pod.get("volumes", [])
    ),
    "runs as a user that is not root": lambda pod: (
        pod.get("securityContext", {}).get("runAsNonRoot") is True
        and pod["securityContext"].get("runAsUser", 0) != 0
    ),
    "the runtime's seccomp profile": lambda pod: (
        pod.get("securityContext", {}).get("seccompProfile", {}).get("type") == "RuntimeDefault"
    ),
    "no sysctls, no SELinux options": lambda pod: (
        not {"sysctls", "seLinuxOptions"} & set(pod.get("securityContext", {}))
    ),
    "no token of the cluster": lambda pod: pod.get("automountServiceAccountToken") is False,
    "no variables of other Services": lambda pod: pod.get("enableServiceLinks") is False,
}

OF_CONTAINERS: dict[str, Callable[[Object], bool]] = {
    "no privileges": lambda context: not context.get("privileged"),
    "cannot gain privileges": lambda context: context.get("allowPrivilegeEscalation") is False,
    "no capabilities": lambda context: context.get("capabilities") == {"drop": ["ALL"]},
    "a tree that cannot be written to": lambda context: (
        context.get("readOnlyRootFilesystem") is True
    ),
    "does not take back what the pod says": lambda context: (
        not {"runAsUser", "runAsNonRoot", "seccompProfile", "procMount"} & set(context)
    ),
}


def faults(objects: list[Object]) -> list[str]:
    found = []
    for pods in all_pods(objects):
        found += [f"{pods.name}: {rule}" for rule, holds in OF_PODS.items() if not holds(pods.spec)]
        for container in pods.containers:
            context = container.get("securityContext", {})
            found += [
                f"{pods.name}: {rule}"
                for rule, holds in OF_CONTAINERS.items()
                if not holds(context)
            ]
            found += [f"{pods.name}: {fault}" for fault in _of_resources(container)]
    return found


def _of_resources(container: Object) -> list[str]:
    resources = container.get("resources", {})
    wanted = {"requests": {"cpu", "memory"}, "limits": {"memory"}}
    found = [
        f"no {kind}" for kind, names in wanted.items() if not names <= set(resources.get(kind, {}))
    ]
    tag = container["image"].rpartition(":")[2]
    return (
        found
        if tag not in {"latest", container["image"]}
        else [*found, "an image without a version"]
    )
