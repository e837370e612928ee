"""What tests in a real browser share: chromium, JupyterLab, `dacl-edu explore`, and how long a change took."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page, so that it can be looked at
}
WATCH = """scope => {
  const graphs = () => [...document.querySelectorAll(scope + ' .js-plotly-plot')];
  const parts = layout => layout && [layout.title, layout.shapes];
  const state = () => JSON.stringify(graphs().map(graph => [graph.data, parts(graph.layout)]));
  const before = state(), kinds = ['keydown', 'mousedown', 'change', 'click'];
  let begin = null;
  const started = () => { begin = begin ?? performance.now(); };
  kinds.forEach(kind => window.addEventListener(kind, started, {capture: true}));
  window.changed = new Promise((done, failed) => {
    const limit = setTimeout(() => failed(new Error('no figure changed in 30 s')), 30000);
    const look = () => {
      if (begin === null || state() === before) return setTimeout(look, 5);
      clearTimeout(limit);
      kinds.forEach(kind => window.removeEventListener(kind, started, {capture: true}));
      done(performance.now() - begin);
    };
    look();
  });
}"""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=BROWSER, args=CHROMIUM)
        yield started
        started.close()


def milliseconds_to_change(page: Any, act: Any, scope: str = "body") -> float:
    """Do something, and return the time from its first event to changed data of a figure; fails if nothing changes."""
    page.evaluate(WATCH, scope)
    act()
    return float(page.evaluate("() => window.changed"))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_it_answers(url: str, log: Path, seconds: int = 120) -> None:
    for _ in range(2 * seconds):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(log.read_text())


@contextmanager
def jupyterlab(folder: Path, **environment: str) -> Iterator[str]:
    """Serve a folder by JupyterLab, with nothing that asks other hosts; return the address."""
    for name, values in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    port = free_port()
    own = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
    command = [
        sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.token=", "--ServerApp.password=", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    with open(folder / "lab.log", "w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT,
            env=os.environ | {name: str(folder / value) for name, value in own.items()} | environment,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{url}/api", folder / "lab.log")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


@contextmanager
def explorer_page(folder: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``dacl-edu explore …``; return the address that it prints, and the process."""
    command = [sys.executable, "-m", "dacl_edu.cli", "explore", *arguments, f"--port={free_port()}"]
    with open(folder / "errors.txt", "w") as errors:
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if line.startswith("http://127.0.0.1:"):
                    yield line.split()[0], server
                    break
            else:
                raise RuntimeError((folder / "errors.txt").read_text())
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
