"""`trueup serve`."""

from __future__ import annotations

import sys

import click

from trueup.model.errors import UsageError
from trueup.ui.cli.common import Common, shared, stopping


@click.command
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:8642",
    show_default=True,
    help="Where HTTP triggers are called. Beyond this machine only behind a proxy with TLS.",
)
@click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="How many runs at once.")
@shared
def serve(common: Common, listen: str, parallel: int) -> int:
    """Run schedules and triggers until it is stopped: one process, started by systemd or in a terminal.

    A second one with the same ledger stands by and takes over when the first ends. SIGTERM and Ctrl-C ask the runs under way to finish
    what they are at; they go on at the next start. A second signal ends everything at once; nothing is lost by that either.
    """
    from trueup.engines.embedded import stop_on_signals
    from trueup.engines.embedded.serving import Settings
    from trueup.serving import Serving

    address = _address(listen)
    with common.load(checked=True) as app:
        app.validate()
        serving = Serving(app, Told(common), Settings(listen=address, parallel=parallel))
        with stop_on_signals(serving.kill) as stop, stop.listening(stopping):
            serving.run(stop)
    return 0


class Told:
    """Prints events as they come, a line each."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._out = sys.stdout

    def __call__(self, event: dict[str, object]) -> None:
        """Prints one event."""
        if self._common.for_programs:
            from trueup.ui.cli.render import json

            print(json.line(event), file=self._out, flush=True)
            return
        from trueup.ui.cli.render.schedules import event_line

        text = event_line(event, quiet=self._common.quiet, verbose=self._common.verbose)
        if text:
            print(text, file=self._out, flush=True)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--listen {text} is no address", hint="--listen 127.0.0.1:8642")
    return host.strip("[]") or "127.0.0.1", int(port)
