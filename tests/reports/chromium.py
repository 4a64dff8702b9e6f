"""A real browser for tests: Chromium without a window, driven through its debugging pipe, with nothing but Python."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

CODES = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowUp": 38, "ArrowDown": 40, "Tab": 9, "Enter": 13}


def find():
    """Path of the browser, or None where there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


class Browser:
    """One page of a browser without a network; use as a context."""

    def __init__(self, folder, *, width=1200, height=900, dark=False):
        self.folder, self.size, self.dark = folder, (width, height), dark
        self.number = 0

    def __enter__(self):
        to_browser, self.writes = os.pipe()
        self.reads, from_browser = os.pipe()

        def as_three_and_four():
            os.dup2(to_browser, 63)
            os.dup2(from_browser, 64)
            os.dup2(63, 3)
            os.dup2(64, 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += ["--remote-debugging-pipe", f"--user-data-dir={self.folder / 'profile'}", "--hide-scrollbars"]
        flags += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--window-size={self.size[0]},{self.size[1]}"]
        self.process = subprocess.Popen(
            [find(), *flags, *(["--blink-settings=preferredColorScheme=0"] if self.dark else []), "about:blank"],
            preexec_fn=as_three_and_four,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.rest = b""
        targets = self._call("Target.getTargets", session=None)["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self._call("Target.attachToTarget", session=None, targetId=page, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Runtime.enable")
        self._call(
            "Browser.setDownloadBehavior", session=None, behavior="allow", downloadPath=str(self.folder / "saved")
        )
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)
        os.close(self.writes)
        os.close(self.reads)

    def open(self, path, *, fragment=""):
        """Show a file and wait until it is there; ``fragment`` is the end of its address, from the # on."""
        self._call("Page.navigate", url=path.resolve().as_uri() + fragment)
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def press(self, *keys):
        """Press keys one after the other, as a keyboard does."""
        for key in keys:
            code = CODES.get(key, ord(key[0].upper()))
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            about = {"key": key, "windowsVirtualKeyCode": code, "code": f"Key{key.upper()}" if len(key) == 1 else key}
            self._call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
            self._call("Input.dispatchKeyEvent", type="keyUp", **about)

    def ask(self, expression):
        """What an expression in the page gives."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait(self, expression, seconds=20):
        """Wait until an expression in the page is true."""
        end = time.monotonic() + seconds
        while not self.ask(expression):
            assert time.monotonic() < end, f"{expression} did not become true"
            time.sleep(0.05)

    def screenshot(self, path):
        """What is to be seen, as PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method, *, session="", **settings):
        self.number += 1
        message = {"id": self.number, "method": method, "params": settings}
        if session is not None:
            message["sessionId"] = self.session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self):
        while b"\0" not in self.rest:
            assert select.select([self.reads], [], [], 60)[0], "the browser does not answer"
            part = os.read(self.reads, 1 << 20)
            assert part, "the browser ended"
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)
