"""Chromium without a window, driven over a pipe (https://chromedevtools.github.io/devtools-protocol/): pictures of pages that never stop loading."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self


def program() -> str | None:
    """Debian's Chromium, or whatever has its name."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page; `with Browser() as page:` starts and ends it."""

    def __init__(self, width: int = 1400, height: int = 1000) -> None:
        self.size = (width, height)
        self._number = 0

    def __enter__(self) -> Self:
        path = program()
        if path is None:
            raise RuntimeError("there is no Chromium: apt-get install chromium")
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        there, self._to = os.pipe()
        self._from, here = os.pipe()
        command = [
            *(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
            *("--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}"),
            *(f"--window-size={self.size[0]},{self.size[1]}", "about:blank"),
        ]

        def wires() -> None:  # the protocol's places: it reads from 3 and writes to 4
            reading, writing = os.dup(there), os.dup(here)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self._process = subprocess.Popen(
            command, preexec_fn=wires, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(there)
        os.close(here)
        self._left = b""
        pages = self.ask("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in pages if one["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._to)
        os.close(self._from)
        self._process.terminate()
        self._process.wait(20)
        self._profile.cleanup()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol; its answer."""
        self._number += 1
        session = getattr(self, "_session", None)
        message = {
            "id": self._number,
            "method": method,
            "params": params,
            **({"sessionId": session} if session else {}),
        }
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._line())
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def _line(self) -> bytes:
        while b"\0" not in self._left:
            self._left += os.read(self._from, 1 << 20)
        line, _, self._left = self._left.partition(b"\0")
        return line

    def open(self, address: str, wait_for: str, seconds: float = 60.0) -> None:
        """Loads a page and waits until a text is to be seen on it."""
        self.ask("Page.navigate", url=address)
        self.wait_for(wait_for, seconds)

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        """Until a text is to be seen."""
        end = time.monotonic() + seconds
        while text not in self.text():
            if time.monotonic() > end:
                raise RuntimeError(f"the page does not show {text!r}; it shows:\n{self.text()}")
            time.sleep(0.3)
        time.sleep(1.0)  # what moves comes to rest

    def text(self) -> str:
        """What the page says."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page's JavaScript."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, to: Path) -> None:
        """What is to be seen, as a PNG."""
        to.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
