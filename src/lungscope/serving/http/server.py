"""Runs the server: socket, signals, and a shutdown that answers accepted requests."""

import asyncio
import errno
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from lungscope.errors import InvalidSetting, LungscopeError, ModelDamaged
from lungscope.serving.http.application import create_application
from lungscope.serving.http.connection import MOST, Connection
from lungscope.serving.http.service import Model, Service
from lungscope.serving.http.settings import Settings

_BACKLOG = 1024
_KEEP_ALIVE = 75  # seconds; longer than proxies keep theirs, so that it is they who close


def serve(
    settings: Settings, load: Callable[[], Model], on_ready: Callable[[str, Model], None]
) -> None:
    """Serves until a signal (SIGINT, SIGTERM) ends it; what was accepted is answered then.

    Args:
        settings: how it runs.
        load: gives the model.
        on_ready: called with the URL and the model, once images sent there are answered.

    Raises:
        LungscopeError: the address is taken or not this machine's, the audit log cannot be
            opened, or the model cannot be loaded.
    """
    with listening(settings) as sock:
        app = create_application(settings, load)
        _allow_files()
        address = url(settings.host, sock.getsockname()[1])

        def ready(model: Model) -> None:
            # What is there now lasts as long as the service. To look it through for garbage again
            # and again would take 60 ms each time, in which nobody is answered.
            gc.collect()
            gc.freeze()
            on_ready(address, model)

        server = Server(configuration(app, settings), app.state.service, ready)
        with _signals_end_quietly(), _reopening(app.state.service):
            asyncio.run(server.serve([sock]))
    failure = app.state.service.failure
    if failure is not None:
        if isinstance(failure, LungscopeError):
            raise failure
        raise ModelDamaged(str(failure)) from failure


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Yields a socket at the settings' address.

    Raises:
        InvalidSetting: it is taken, or not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise InvalidSetting(f"{settings.host}: {error.strerror}; give another host") from error
    with socket.socket(family, kind, protocol) as sock:
        if sys.platform != "win32":  # there, it would let two services share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address)
            sock.listen(_BACKLOG)
        except OSError as error:
            raise InvalidSetting(_unavailable(settings, error)) from error
        yield sock


def configuration(app: object, settings: Settings) -> uvicorn.Config:
    """How uvicorn runs: no access log, no trust in proxies' headers, our connections."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
        h11_max_incomplete_event_size=32768,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which reports when the model is loaded and stops if it can't be."""

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        on_ready: Callable[[Model], None] = lambda _: None,
    ) -> None:
        super().__init__(config)
        self._service = service
        self._on_ready: Callable[[Model], None] | None = on_ready

    async def on_tick(self, counter: int) -> bool:
        """Tells, ten times a second, whether to end."""
        if self._on_ready is not None and self._service.loaded is not None:
            self._on_ready(self._service.loaded)
            self._on_ready = None
        return await super().on_tick(counter) or self._service.failure is not None


def url(host: str, port: int) -> str:
    """Returns the address of the page."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _unavailable(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} is in use; give another port"
    if error.errno == errno.EACCES:
        return f"port {settings.port} is for administrators; give a port above 1023"
    return f"{settings.host}: {error.strerror}; give an address of this machine"


@contextmanager
def _signals_end_quietly() -> Iterator[None]:
    """To end a service is no error; uvicorn raises the signal once more, after it has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, _pass) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _reopening(service: Service) -> Iterator[None]:
    """Has SIGHUP, which by itself ends a process, open the audit log anew."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda *_: service.reopen_audit_log())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _pass(*_: object) -> None:
    pass


def _allow_files() -> None:
    """Every connection is a file to the system, which often allows 1,024 unless it is asked."""
    try:
        import resource  # Unix alone has it
    except ImportError:
        return
    wanted = MOST + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):  # a sandbox may forbid it; then there are fewer
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
