"""Whether a callback is the provider's own, where the provider signs nothing."""

import hmac

from pydantic import SecretStr

from careline_surveys.adapters.http.wire import Callback, ForgedError

SECRET = "secret"  # noqa: S105 - the name of a parameter


def require_secret(callback: Callback, secret: SecretStr | None) -> None:
    """The secret stands in the address that the provider was given; raises `ForgedError`."""
    require_same(callback.parameter(SECRET), None if secret is None else secret.get_secret_value())


def require_same(given: str | None, right: str | None) -> None:
    """Raises `ForgedError` unless both are there and the same."""
    if not given:
        raise ForgedError("the callback has no proof of its sender")
    if right is None or not hmac.compare_digest(given.encode(), right.encode()):
        raise ForgedError("the callback is not the provider's")
