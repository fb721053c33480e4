"""Variables and Secrets: each is a setting of its service, and what a cluster needs is set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from careline import roster
from manifests.cluster import Object, Pods, all_pods, secret_keys, variables

PREFIX = "CARELINE_"
IN_A_CLUSTER = {
    "rabbitmq_url": "the local transport is for one process",
    "oidc_issuer": "who signs the tokens of people",
    "oidc_jwks": "without keys no token is accepted",
    "migrate_on_start": "migrations are Jobs",
}
"""Settings whose default is right for a standalone and wrong here, and why."""
REACHED_BY_THEIR_OWN = ("router",)
"""Services whose processes pass requests on to each other, and so must say where they are."""
CALLERS = ("tickets", "surveys")
"""Services that ask others, for which they need a token."""
SECRETS = {
    "CARELINE_DATABASE_URL": "postgresql://user:word@db:5432/careline",
    "CARELINE_RABBITMQ_URL": "amqps://user:word@broker:5671/careline",
}


def faults(objects: list[Object], page: str) -> list[str]:
    """`page` is the text that must name every key of every Secret."""
    return [
        f"{pods.name}: {fault}"
        for pods in all_pods(objects)
        for fault in (*_settings(objects, pods), *_secrets(pods, page))
    ]


def _settings(objects: list[Object], pods: Pods) -> Iterator[str]:
    fields = roster.member(pods.service).settings.model_fields
    given = dict(variables(objects, pods))
    for variable in given:
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or name not in fields:
            yield f"{pods.service} has no setting {variable}"
    for name in sorted(
        _needed(pods, fields) - {each.removeprefix(PREFIX).lower() for each in given}
    ):
        yield f"{PREFIX}{name.upper()} must be set"
    if pods.kind == "Deployment" and given.get("CARELINE_MIGRATE_ON_START") != "false":
        yield "would migrate its schema itself"
    values: dict[str, Any] = {
        variable.removeprefix(PREFIX).lower(): SECRETS.get(variable, "secret")
        if value is None
        else value
        for variable, value in given.items()
    }
    try:
        roster.member(pods.service).settings(**values)
    except ValidationError as error:
        yield f"does not start: {error}"


def _needed(pods: Pods, fields: dict[str, FieldInfo]) -> set[str]:
    required = {name for name, info in fields.items() if info.is_required()}
    if pods.kind == "Job":
        return required
    token = {"service_token_file"} if pods.service in CALLERS else set()
    own = {"address"} if pods.service in REACHED_BY_THEIR_OWN else set()
    here = {name for name, info in fields.items() if _is_of_one_machine(info.default)}
    links = {"surveys_public_url"} & fields.keys()
    return required | set(IN_A_CLUSTER) | token | own | here | links


def _is_of_one_machine(default: Any) -> bool:
    """Addresses of this machine, folders under the current one, keys that are made up anew."""
    match default:
        case SecretStr():
            return not default.get_secret_value()
        case Path():
            return not default.is_absolute()
        case str():
            return "127.0.0.1" in default
        case _:
            return False


def _secrets(pods: Pods, page: str) -> Iterator[str]:
    for secret, key in sorted(secret_keys(pods)):
        if not any(f"`{secret}`" in line and f"`{key}`" in line for line in page.splitlines()):
            yield f"nobody is told of the key {key} of the Secret {secret}"
