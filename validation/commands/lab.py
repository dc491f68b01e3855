"""``fa-ref lab``: the laboratory, a page in the browser with sliders for everything in a setting."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from validation.commands.console import say

if TYPE_CHECKING:
    import socket

__all__ = ["lab"]

#: Where the page is, unless the port is taken: then any free one is.
PORT = 2797

#: Seconds that open pages may keep the server after Ctrl-C.
GRACE = 1


def lab(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"Port; 0 for any free one. Default: {PORT} if free.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open the laboratory: change n, d, p, ψ, η, λ(t), the rule or the data, and see what happens.

    The page shows the loss with its bound, the alignment with its prediction, the spectrum of G + H, the units'
    movement, what the theorems say with every hypothesis' margin, and the Python that computes it again. It is
    served to this machine only and needs no network. Ctrl-C ends it.
    """
    missing = [name for name in ("marimo", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ValueError(f"fa-ref lab needs {missing[0]}, which is not installed: pip install 'fa-ref[lab]'")
    with _listening(port) as listener:
        _warm_up()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        say(f"The laboratory is at {address} (Ctrl-C ends it).")
        _serve(listener, address if browser else None)
    say("The laboratory is closed.")


def _listening(port: int | None) -> socket.socket:
    """A socket on this port of this machine; on any free one where none was asked for and the usual one is taken.

    Raises
    ------
    ValueError
        If the port that was asked for is taken, or may not be used.
    """
    import socket

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", PORT if port is None else port))
    except OSError as error:
        if port is not None:
            listener.close()
            raise ValueError(f"port: expected one that is free, got {port} ({error.strerror})") from None
        listener.bind(("127.0.0.1", 0))
    listener.listen()  # from now on a browser that comes early waits
    return listener


def _warm_up() -> None:
    """Import and compile what the first change would wait for."""
    from validation.laboratory import Choices, compute, lines, pictures

    for activation in ("tanh", "identity"):
        for penalty in ("none", "constant"):
            scene = compute(Choices(n=3, d=5, p=50, steps=20, activation=activation, penalty=penalty))
            pictures(scene)
            lines(scene)


def _serve(listener: socket.socket, address: str | None) -> None:
    """Serve the page until Ctrl-C; open a browser at the address, if one is given, once it can answer."""
    import marimo
    import uvicorn

    page = Path(__file__).parents[1] / "laboratory" / "app.py"
    pages: Any = marimo.create_asgi_app(quiet=True).with_app(path="", root=str(page)).build()
    config = uvicorn.Config(pages, log_level="warning", timeout_graceful_shutdown=GRACE)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if address is not None:
                import webbrowser

                webbrowser.open(address)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets=sockets)
            for route in pages.routes:  # pages that are still open keep threads, and these the process
                manager = getattr(getattr(route.app, "state", None), "session_manager", None)
                if manager is not None:
                    await manager.shutdown()

    with suppress(KeyboardInterrupt):  # uvicorn raises what it caught, once it has shut down
        Server(config).run(sockets=[listener])
