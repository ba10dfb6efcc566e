"""A page in headless Chromium, driven through its debugging pipe: what it logs, asks for, shows, and does when used."""

import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No page takes so long, but for ever.
_HANGS_S = 60


class Page:
    """The page of a file. `logged` is what the console and the browser said, `requests` the addresses asked for."""

    def __init__(self, out: int, back: int) -> None:
        self._out, self._back = out, back
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session: str | None = None
        self.logged: list[str] = []
        self.requests: list[str] = []

    def open(self, path: Path) -> None:
        """Load a file, and wait until it is there."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=path.as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the DevTools protocol: its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            said = self._read()
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]

    def js(self, expression: str) -> Any:
        """The value of an expression of JavaScript in the page."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def press(self, key: str) -> None:
        """Press and let go of a key, such as `Tab`, `Enter`, `ArrowDown`."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowRight": 39}[key]
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def look(self, width: int, height: int = 900, *, dark: bool = False, media: str = "screen") -> None:
        """Show the page in a window of this size, in light or dark, on a screen or in print."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=scheme)

    def picture(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._back, 1 << 20)
            assert more, "the browser has ended"
            self._buffer += more
        first, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(first)
        self._hear(said.get("method", ""), said.get("params", {}))
        return said

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.consoleAPICalled":
            self.logged.append(str([one.get("value") for one in params["args"]]))
        elif method == "Runtime.exceptionThrown":
            self.logged.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.logged.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])


@contextmanager
def opened(path: Path, home: Path) -> Iterator[Page]:
    """The page of a file in this block, in a browser with `home` as its profile; skips if there is none."""
    browser = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser: {', '.join(_NAMES)} are not on the path")
    (read_by_it, out), (back, written_by_it) = os.pipe(), os.pipe()
    arguments = (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={home}",
    )  # fmt: skip

    # The browser reads its orders from handle 3 and answers on 4.
    command = f"exec {browser} {' '.join(arguments)} 3<&{read_by_it} 4>&{written_by_it}"
    with subprocess.Popen(
        ["bash", "-c", command], pass_fds=(read_by_it, written_by_it), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(read_by_it)
        os.close(written_by_it)
        try:
            page = Page(out, back)
            page.open(path)
            yield page
        finally:
            process.kill()
            os.close(out)
            os.close(back)
