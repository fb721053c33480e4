"""The login of a source at its partner's web server."""

import base64

from careline_ingest.config import SourceEntry


def login_of(entry: SourceEntry, *, own: bool) -> dict[str, str]:
    """The headers by which a source is let in; `own`: it goes to the address that is configured, and to no other."""
    if not own:
        return {}
    if entry.password is not None:
        pair = f"{entry.user}:{entry.password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if entry.token is not None:
        return {"Authorization": f"Bearer {entry.token.get_secret_value()}"}
    if entry.api_key is not None:
        return {entry.api_key_header: entry.api_key.get_secret_value()}
    return {}
