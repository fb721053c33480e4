"""A private nginx with TLS: files under `files`, a part of them behind a login."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from careline_common.children import spawn, stop_child
from careline_common.testing.components import Component
from careline_common.testing.waiting import eventually
from careline_ingest.fakes.authority import PrivateAuthority
from feeds.openssh import listens

USER, PASSWORD = "partner", "nginx-pass-word"
CONFIG = """\
daemon off;
{user}
pid {folder}/nginx.pid;
worker_processes 1;
events {{}}
http {{
  log_format short '$request_uri $status $http_range';
  access_log {folder}/access.log short;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    root {folder}/files;
    location /private/ {{ auth_basic partner; auth_basic_user_file {folder}/users; alias {folder}/files/; }}
    location /slow/ {{ limit_rate 1m; alias {folder}/files/; }}
    location /moved/ {{ return 302 https://localhost:{port}/day.csv; }}
  }}
}}
"""
STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class Nginx:
    def __init__(self, folder: Path, port: int, ca: str) -> None:
        self.port = port
        self.files = folder / "files"
        self.ca = ca
        self._access = folder / "access.log"

    def url(self, path: str = "day.csv") -> str:
        return f"https://127.0.0.1:{self.port}/{path}"

    def answered(self, status: int) -> int:
        """How many requests got this answer."""
        lines = self._access.read_text().splitlines() if self._access.exists() else []
        return sum(line.split()[1] == str(status) for line in lines)


@asynccontextmanager
async def private_nginx(component: Component, folder: Path, port: int) -> AsyncIterator[Nginx]:
    authority = PrivateAuthority(folder)
    (folder / "files").mkdir()
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port, user=user))
    process: subprocess.Popen[bytes] = spawn(
        [
            component.prefix / "usr/sbin/nginx",
            "-e",
            "stderr",
            "-p",
            folder,
            "-c",
            folder / "nginx.conf",
        ],
        log=folder / "nginx.log",
        env=dict(os.environ),
        cwd=folder,
    )
    try:
        await eventually(lambda: listens(port), what="nginx to listen")
        yield Nginx(folder, port, authority.ca.read_text())
    finally:
        await stop_child(process, STOP)
