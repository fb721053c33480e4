"""What a source says about the partner's server: how to get in, which files, how often.

Everything here has a default that is safe, and none of it means anything for folders and pushes.
"""

import ssl
from collections.abc import Iterator
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from careline_common.config import ConfigModel, HttpAddress
from careline_common.config.models import check_address

FETCHED = ("sftp", "https", "portal", "open311")
"""Kinds whose files are fetched from a partner's server."""
LISTS = ("portal", "open311")
"""Kinds whose server gives a list page by page."""
SECRETS = ("password", "token", "api_key", "private_key", "passphrase", "ca")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_ONLY = {
    "sftp": (
        "private_key", "passphrase", "host_key", "pattern", "finished", "archive", "settle_s",
    ),
    "https": ("token", "api_key", "api_key_header", "ca", "redirect_hosts"),
}  # fmt: skip
"""Settings that one kind of fetching knows and the other does not."""


def _address(url: str) -> str:
    check_address(url, {"http", "https", "sftp"})
    if "@" in urlsplit(url).netloc:
        raise ValueError("no user and no password in an address: give them as user and password")
    try:
        port = urlsplit(url).port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the port is a number from 1 to 65535")
    return url


def _host_keys(given: str | list[str]) -> str | list[str]:
    from asyncssh import KeyImportError, import_public_key

    lines = [given] if isinstance(given, str) else given
    if not lines:
        raise ValueError("give at least one key")
    for line in lines:
        try:
            import_public_key(line)
        except KeyImportError:
            raise ValueError(
                "give the server's public key as in its .pub file: ssh-ed25519 AAAA…"
            ) from None
    return given


def _remote_folder(path: str) -> str:
    if not path.strip("/ ") or "\x00" in path or {".", ".."} & set(path.split("/")):
        raise ValueError("give the path of a folder on the partner's server, without . and ..")
    return path.rstrip("/")


def _pattern(pattern: str) -> str:
    if not pattern or "/" in pattern or "\x00" in pattern:
        raise ValueError("give a pattern of file names such as *.csv, without a folder")
    return pattern


def _ca(pem: SecretStr) -> SecretStr:
    try:
        ssl.create_default_context(cadata=pem.get_secret_value())
    except (ssl.SSLError, ValueError):
        raise ValueError("no certificate in PEM") from None
    return pem


def _host(name: str) -> str:
    if check_address(f"https://{name}", {"https"}) and urlsplit(f"https://{name}").netloc != name:
        raise ValueError("give a host such as files.partner.example, without a path")
    return name.lower()


Host = Annotated[str, AfterValidator(_host)]
RemoteFolder = Annotated[str, AfterValidator(_remote_folder)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86400, allow_inf_nan=False)]


class Updates(ConfigModel):
    """How a partner hears what becomes of his appeals."""

    to: Literal["file", "http", "open311"]
    folder: RemoteFolder | None = None
    """For `file`: on the source's SFTP server, or here for a source that is a folder."""
    url: HttpAddress | None = None
    """For `http`: where news is POSTed, one at a time."""
    token: SecretStr | None = None
    scope: Literal["own", "insurer"] = "own"
    """`own`: of appeals that came by this source; `insurer`: of all appeals of its insurer."""

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.to == "file") != (self.folder is not None):
            raise ValueError("folder: it belongs to updates to: file, which need it")
        if (self.to == "http") != (self.url is not None):
            raise ValueError("url: it belongs to updates to: http, which need it")
        return self


class RemoteAccess(ConfigModel):
    """Settings of sources that are fetched."""

    url: Annotated[str, AfterValidator(_address)] | None = None
    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    """Sent as a bearer token."""
    api_key: SecretStr | None = None
    api_key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = "X-API-Key"
    private_key: SecretStr | None = None
    """OpenSSH or PEM; `passphrase` opens it."""
    passphrase: SecretStr | None = None
    host_key: Annotated[str | list[str], AfterValidator(_host_keys)] | None = None
    """The server's public keys: a key is never trusted unseen."""
    ca: Annotated[SecretStr, AfterValidator(_ca)] | None = None
    """Certificates in PEM of those who may vouch for the server, in place of the system's."""
    redirect_hosts: list[Host] = Field(default_factory=list)
    """Hosts beside the address's own that a redirect may lead to."""

    pattern: Annotated[str, AfterValidator(_pattern)] = "*"
    finished: Literal["stable", "done", "sha256"] = "stable"
    """How a file shows that it is whole: it looks the same twice, or NAME.done or NAME.sha256."""
    settle_s: Seconds = 2.0
    """Between the two looks."""
    archive: RemoteFolder | None = None
    """Where a file that was taken is moved; without it files stay where they are."""
    answers: RemoteFolder | None = None
    """Where the answer to the sender of each file is put: on the SFTP server, or here for a folder."""
    answers_url: HttpAddress | None = None
    """Where it is POSTed, for a source of any kind."""
    answer_as: Annotated[tuple[Literal["json", "xml"], ...], Field(min_length=1)] = ("json",)
    """As JSON, as the FLK protocol in XML, or both."""
    updates: Updates | None = None

    max_bytes: Annotated[int, Field(ge=1)] | None = None
    timeout_s: Seconds = 30.0
    """How long the server may be silent."""
    deadline_s: Seconds = 3600.0
    """How long one fetch may take in all."""
    every_s: Seconds | None = None
    """From one fetch to the next where there is no schedule."""
    late_after_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The feed is late when no new file has come for so long; for sources of every kind."""

    @model_validator(mode="after")
    def _check_private_key(self) -> Self:
        if self.private_key is None:
            return self
        from asyncssh import KeyEncryptionError, KeyImportError, import_private_key

        phrase = self.passphrase.get_secret_value() if self.passphrase else None
        try:
            import_private_key(self.private_key.get_secret_value(), phrase)
        except KeyEncryptionError:
            raise ValueError("passphrase: it does not open the private key") from None
        except KeyImportError:
            raise ValueError("private_key: no private key that can be read") from None
        return self

    @property
    def address(self) -> SplitResult:
        assert self.url is not None
        return urlsplit(self.url)

    def unsuitable(self, kind: str) -> Iterator[tuple[str, str]]:
        """Settings that do not go together, each with the reason."""
        yield from self._unsuitable_outlets(kind)
        if kind not in FETCHED or self.url is None:
            return
        family = "sftp" if kind == "sftp" else "https"
        for other, names in _ONLY.items():
            for name in names if other != family else ():
                if getattr(self, name) != type(self).model_fields[name].get_default(
                    call_default_factory=True
                ):
                    yield name, f"a source of kind {kind} has no such setting"
        secure = self.address.scheme == family
        if not secure and not (family == "https" and self._stays_on_this_machine()):
            yield "url", f"a source of kind {kind} has an address beginning with {family}://"
        yield from self._unsuitable_logins() if family == "https" else self._unsuitable_ssh()

    def _unsuitable_outlets(self, kind: str) -> Iterator[tuple[str, str]]:
        if self.answers is not None and kind not in ("sftp", "folder"):
            yield "answers", f"a source of kind {kind} has no folder: give answers_url"
        if self.answers is not None and self.answers_url is not None:
            yield "answers_url", "give either answers or answers_url"
        updates = self.updates
        if updates is None:
            return
        if updates.to == "file" and kind not in ("sftp", "folder"):
            yield "updates.to", f"a source of kind {kind} has no folder: use http"
        if updates.to == "open311" and (kind != "open311" or self.url is None):
            yield "updates.to", "only a source of kind open311 with a url can be told so"

    def _unsuitable_ssh(self) -> Iterator[tuple[str, str]]:
        if self.user is None:
            yield "user", "a source of kind sftp needs its user on the partner's server"
        if self.host_key is None:
            yield "host_key", "a source of kind sftp needs the server's public key: ask the partner"
        if self.password is None and self.private_key is None:
            yield "password", "a source of kind sftp needs a password or a private_key"
        if self.archive is not None and self.archive == unquote(self.address.path).rstrip("/"):
            yield "archive", "the archive must be another folder than that of the files"

    def _unsuitable_logins(self) -> Iterator[tuple[str, str]]:
        given = [name for name in ("password", "token", "api_key") if getattr(self, name)]
        if len(given) > 1:
            yield given[1], f"give either {' or '.join(given)}"
        if (self.user is None) != (self.password is None):
            yield "user" if self.user is None else "password", "user and password go together"

    def _stays_on_this_machine(self) -> bool:
        return self.address.scheme == "http" and self.address.hostname in LOOPBACK
