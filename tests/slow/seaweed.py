"""An object store of a test's own: SeaweedFS on free ports of this machine, with keys that are made up for it."""

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from pyarrow import fs

from shortlist.store.filesystems import filesystem

BUCKET: Final = "shortlist"
# Seconds that its start may take.
_PATIENCE: Final = 120


@contextmanager
def object_store(folder: Path, locked: bool = True) -> Iterator[dict[str, str]]:
    """A server with one empty bucket; yields the environment by which every client finds it.

    Args:
        folder: of its data and its log.
        locked: whether it asks for the keys; one that does not looks at no signature either.
    """
    weed = Path(os.environ["SHORTLIST_SERVICES"]) / "bin" / "weed"
    key, secret = f"AK{secrets.token_hex(8).upper()}", secrets.token_hex(20)
    config = folder / "keys.json"
    credentials = [{"accessKey": key, "secretKey": secret}]
    config.write_text(json.dumps({"identities": [{"name": "tests", "credentials": credentials, "actions": ["Admin"]}]}))
    kinds = ("master", "volume", "filer", "s3")
    ports = dict(zip([f"{kind}.port{part}" for kind in kinds for part in ("", ".grpc")], free_ports(8), strict=True))
    data = folder / "data"
    data.mkdir()
    command = [
        str(weed), "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=20", "-master.volumeSizeLimitMB=64",
        "-master.telemetry=false", *(f"-{name}={port}" for name, port in ports.items()),
        *([f"-s3.config={config}"] if locked else []),
    ]  # fmt: skip
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    with (folder / "weed.log").open("w") as log:
        # It would take keys of this process's environment for its own.
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        server = subprocess.Popen(command, stdout=log, stderr=log, env=own)
    try:
        _make_bucket(endpoint, key, secret, server, folder / "weed.log")
        yield {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ALLOW_HTTP": "true",
        }
    finally:
        server.kill()
        server.wait()


@contextmanager
def store_of_this_process(folder: Path) -> Iterator[str]:
    """The URL of an empty bucket; this process and all that it starts find it by their environment.

    Args:
        folder: as in `object_store`.
    """
    with object_store(folder) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield f"s3://{BUCKET}"


@contextmanager
def without_conditions(endpoint: str) -> Iterator[str]:
    """The address of a server that passes everything on to another one, but the condition of a put."""

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "if-none-match"}
            connection = HTTPConnection(endpoint.removeprefix("http://"))
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forward) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def upload(folder: Path, url: str) -> None:
    """Copy a folder's files."""
    system, below = filesystem(url)
    fs.copy_files(str(folder), below, source_filesystem=fs.LocalFileSystem(), destination_filesystem=system)


def _make_bucket(endpoint: str, key: str, secret: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    system = fs.S3FileSystem(
        access_key=key, secret_key=secret, region="us-east-1", endpoint_override=endpoint, allow_bucket_creation=True
    )
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            system.create_dir(BUCKET)
            return
        except OSError as error:
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(f"SeaweedFS did not start ({error}):\n{log.read_text()[-2000:]}")
            time.sleep(0.5)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
