"""Every object against its schema, with unknown fields refused: Kubernetes' own, offline, and for the two
kinds of the Prometheus operator the fields that we use."""

from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator

from manifests.cluster import Object

KUBERNETES = ("1.30", "1.37")
"""The oldest version that docs/kubernetes.md promises, and the newest that we know."""

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_DURATION: dict[str, Any] = {
    "type": "string",
    "pattern": r"^(\d+h)?(\d+m)?(\d+s)?$",
    "minLength": 2,
}
_TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": _TEXT}


def _exactly(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


_RULE = _exactly(
    {"alert": _TEXT, "expr": _TEXT, "labels": _TEXTS, "annotations": _TEXTS}, **{"for": _DURATION}
)
OPERATOR = {
    "PodMonitor": _exactly(
        {
            "selector": _exactly({"matchLabels": _TEXTS}),
            "podMetricsEndpoints": {
                "type": "array",
                "minItems": 1,
                "items": _exactly(
                    {"port": _TEXT, "path": _TEXT}, interval=_DURATION, scrapeTimeout=_DURATION
                ),
            },
        },
        jobLabel=_TEXT,
    ),
    "PrometheusRule": _exactly(
        {
            "groups": {
                "type": "array",
                "items": _exactly({"name": _TEXT, "rules": {"type": "array", "items": _RULE}}),
            }
        }
    ),
}


def faults(objects: list[Object]) -> list[str]:
    return [
        f"{each['kind']} {each['metadata']['name']}: {fault}"
        for each in objects
        for fault in _of(each)
    ]


def _of(given: Object) -> list[str]:
    if given["apiVersion"] == "monitoring.coreos.com/v1":
        validator = Draft202012Validator(OPERATOR[given["kind"]])
        return [
            f"{error.json_path}: {error.message}" for error in validator.iter_errors(given["spec"])
        ]
    found = []
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(given, version, strict=True)
        except (
            kubernetes_validate.ValidationError,
            kubernetes_validate.SchemaNotFoundError,
        ) as error:
            found.append(f"{version}: {error}")
    return found
