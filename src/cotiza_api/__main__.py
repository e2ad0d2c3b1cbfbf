"""``python -m cotiza_api``: the API as a program. The environment is read here, and nowhere else.

Once requests are answered, one line goes to standard output: ``listening on
http://127.0.0.1:8000``. Exit codes: 0 stopped by a signal, 1 could not start, 2 a wrong option or
setting.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping

import click
import msgspec

from cotiza_queue import Settings
from cotiza_queue.errors import ConfigurationError, CotizaError
from cotiza_queue.settings import from_env
from cotiza_queue.telemetry import configure_logging

from .app import create_app
from .server import Server, loop_factory, settle_down

BACKLOG = 1024
REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a look-up, nothing is bound
"""Where this machine reaches a server that listens everywhere."""


@click.command(name="python -m cotiza_api")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0: any free one.",
)
def main(host: str, port: int) -> None:
    """Serve the HTTP API of cotiza-queue."""
    try:
        listener = _listen(host, port)
        url = _url(host, listener)
        settings = _settings(os.environ, url)
        configure_logging(settings.log_level, pretty=sys.stderr.isatty())
        server = Server(create_app(settings), on_listening=lambda: _serving(url))
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    except CotizaError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.remedy:
            click.echo(error.remedy, err=True)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)


def _serving(url: str) -> None:
    settle_down()
    click.echo(f"listening on {url}")


def _settings(environ: Mapping[str, str], url: str) -> Settings:
    """Unless COTIZA_PUBLIC_URL says otherwise, users reach the API where it listens."""
    settings = from_env(environ)
    if settings.public_url == Settings().public_url:
        return msgspec.structs.replace(settings, public_url=url)
    return msgspec.structs.replace(settings, public_url=settings.public_url.rstrip("/"))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CotizaError(
            f"can't listen on {host} port {port}: {error.strerror or error}",
            remedy="Choose another --port; 0 takes any free one.",
        ) from None


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    host = REACHABLE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    main()
