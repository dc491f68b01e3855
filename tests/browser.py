"""Headless Chromium for tests of pages, spoken to through two pipes: no package, no port and no network.

with Browser() as browser:
    page = browser.open("report.html", width=390)
    assert page.errors == [] and page.too_wide() == []
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
    "--allow-file-access-from-files", "--remote-debugging-pipe",
)  # fmt: skip

#: Chromium reads commands from descriptor 3 and writes to 4.
START = """import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for k, end in enumerate(ends):
    os.dup2(end, 3 + k)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def chromium():
    """Where Chromium is: FA_REF_CHROMIUM, or on the path; None without it."""
    named = os.environ.get("FA_REF_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One Chromium; `open` gives it a page. Close it, or use it as a context."""

    def __init__(self, executable=None, seconds=60.0):
        self.seconds, self._count, self._pages, self._rest = seconds, 0, {}, b""
        self._profile = tempfile.mkdtemp(prefix="fa-ref-browser-")
        (theirs_in, self._out), (self._in, theirs_out) = os.pipe(), os.pipe()
        ends = f"{theirs_in}", f"{theirs_out}"
        options = (*OPTIONS, f"--user-data-dir={self._profile}", "about:blank")
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", START, *ends, executable or chromium(), *options],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End Chromium and all its processes, and remove its profile."""
        os.close(self._out)
        os.close(self._in)
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, target, *, width=1280, height=900, dark=False, downloads=None):
        """Open a file or an address at this width and wait until it has loaded.

        ``dark`` is what the reader prefers; ``downloads`` a folder where files go that the page offers.
        """
        made = self.command("Target.createTarget", url="about:blank")
        session = self.command("Target.attachToTarget", targetId=made["targetId"], flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, made["targetId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.command(f"{domain}.enable")
        page.resize(width, height)
        page.prefer(dark=dark)
        if downloads is not None:
            self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        page.go(target)
        return page

    def command(self, method, session=None, **parameters):
        """Send a command of the DevTools protocol and return its result, taking events on the way."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        deadline = time.monotonic() + self.seconds
        while True:
            answer = self._receive(deadline)
            if answer is None:
                raise TimeoutError(f"Chromium did not answer {method} within {self.seconds} s")
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _receive(self, deadline):
        """The next message; None at the deadline."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(deadline - time.monotonic(), 0.0))
            if not ready:
                return None
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium ended")
            self._rest += piece
        first, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(first)
        page = self._pages.get(message.get("sessionId"))
        if page is not None and "method" in message:
            page.event(message["method"], message["params"])
        return message

    def drain(self, seconds):
        """Take events for so long."""
        deadline = time.monotonic() + seconds
        while self._receive(deadline) is not None:
            pass


class Page:
    """One page: `errors` are its console's errors and exceptions so far, `requests` the addresses it asked for."""

    def __init__(self, browser, session, target):
        self.browser, self._session, self._target = browser, session, target
        self.errors, self.requests, self.loaded = [], [], False

    def command(self, method, **parameters):
        """Send a command of the DevTools protocol to this page."""
        return self.browser.command(method, self._session, **parameters)

    def event(self, method, given):
        """Take note of an event."""
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            details = given["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and given["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in given["args"]))
        elif method == "Log.entryAdded" and given["entry"]["level"] == "error":
            self.errors.append(f"{given['entry']['text']} {given['entry'].get('url', '')}".strip())
        elif method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])

    def go(self, target):
        """Load a file or an address."""
        text = str(target)
        address = text if "://" in text or text.startswith("about:") else Path(text).resolve().as_uri()
        self.loaded = False
        answer = self.command("Page.navigate", url=address)
        if "errorText" in answer:
            raise RuntimeError(f"{address}: {answer['errorText']}")
        deadline = time.monotonic() + self.browser.seconds
        while not self.loaded and "loaderId" in answer:  # without one it is a place on the same page
            if self.browser._receive(deadline) is None:
                raise TimeoutError(f"{address} did not load within {self.browser.seconds} s")
        self.settle()

    def settle(self):
        """Wait until what was asked for is laid out and drawn."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def evaluate(self, script):
        """The value of a JavaScript expression, or of the promise that it is."""
        answer = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def call(self, function, *given):
        """The value of a JavaScript function at these arguments."""
        return self.evaluate(f"({function})({', '.join(map(json.dumps, given))})")

    def wait(self, script, seconds=10.0):
        """Wait until a JavaScript expression is true, and return its value."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not true within {seconds} s: {script}")
            self.browser.drain(0.05)
        return value

    def resize(self, width, height=900):
        """Lay the page out at another size."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def prefer(self, *, dark=False, media=""):
        """What the reader prefers: dark or light; ``media="print"`` lays the page out for paper."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", media=media, features=scheme)

    def place(self, selector):
        """Scroll to an element and return its middle."""
        found = self.call(MIDDLE, selector)
        if found is None:
            raise LookupError(f"no element matches {selector}")
        return found

    def _mouse(self, kind, x, y, buttons=0):
        self.command(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left" if kind != "mouseMoved" else "none",
            buttons=buttons, clickCount=0 if kind == "mouseMoved" else 1,
        )  # fmt: skip

    def click(self, selector):
        """Click in the middle of an element, as a mouse does."""
        x, y = self.place(selector)
        self._mouse("mouseMoved", x, y)
        self._mouse("mousePressed", x, y, 1)
        self._mouse("mouseReleased", x, y)
        self.settle()

    def drag(self, selector, dx, dy, moves=8):
        """Press in the middle of an element, move by (dx, dy) pixels and let go."""
        x, y = self.place(selector)
        self._mouse("mouseMoved", x, y)
        self._mouse("mousePressed", x, y, 1)
        for k in range(1, moves + 1):
            self._mouse("mouseMoved", x + dx * k / moves, y + dy * k / moves, 1)
        self._mouse("mouseReleased", x + dx, y + dy)
        self.settle()

    def press(self, key):
        """Press and let go of a key of this name, say ``"Tab"`` or ``"a"``, where the focus is."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
                 "ArrowDown": 40}  # fmt: skip
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        for kind in ("keyDown", "keyUp"):
            shown = {"text": text} if text and kind == "keyDown" else {}
            self.command(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes.get(key, 0),
                **shown,
            )
        self.settle()

    def set_value(self, selector, value):
        """Set an input, select or slider, with the events that a reader's hand causes."""
        if not self.call(SET_VALUE, selector, value):
            raise LookupError(f"no element matches {selector}")
        self.settle()

    def screenshot(self, file, *, full=True):
        """Write a picture of the page, all of it or what fits the window."""
        picture = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        Path(file).write_bytes(base64.b64decode(picture["data"]))

    def pdf(self, file):
        """Write the page as it prints."""
        Path(file).write_bytes(base64.b64decode(self.command("Page.printToPDF", printBackground=False)["data"]))

    def too_wide(self):
        """Elements that reach beyond the window's right or left edge and are not in a box that scrolls."""
        return self.evaluate(f"({TOO_WIDE})()")

    def overlaps(self):
        """Pairs of texts and pictures that cover each other by more than two pixels."""
        return self.evaluate(f"({OVERLAPS})()")

    def links(self):
        """The links as written: their ``href``, in the page's order."""
        return self.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))")

    def dead_anchors(self):
        """Links to a place on this page that does not exist."""
        return self.evaluate(f"({DEAD})()")

    def close(self):
        """Close the page."""
        self.browser.command("Target.closeTarget", targetId=self._target)


_SCRIPTS = (Path(__file__).with_name("browser.js")).read_text(encoding="utf-8").split("// ---- ")
MIDDLE, SET_VALUE, TOO_WIDE, OVERLAPS, DEAD = (part.partition("\n")[2].strip() for part in _SCRIPTS[1:])
