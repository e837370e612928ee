"""An explorer as a page of its own, served by voila to this machine alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu.widgets import find, import_jsonschema

PORT = 8866
TEMPLATE = """\
{%- extends 'voila/templates/lab/index.html.j2' -%}
{%- block notebook_css -%}
  {%- import "spinner.macro.html.j2" as spinner -%}
  {{ resources.include_js("static/voila-style.js") }}
  {{ spinner.css() }}
  <style>
    .jp-mod-noOutputs.jp-mod-noInput { display: none; }
    #rendered_cells { max-width: 960px; margin: 0 auto; }
  </style>
  {{ super.super() }}
{%- endblock notebook_css -%}
"""
"""Voila's own page less the icons that it fetches from another host; the explorers draw none."""


EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")
"""All that a page needs of JupyterLab's extensions; the others are left out, since some fail in voila."""


def page_notebook(name: str, runs: Sequence[str] = (), folder: str = "") -> Any:
    """Return the notebook behind a page: a heading, and one cell that makes the explorer.

    ``folder`` is where the kernel works: relative paths and a student's own modules are found from there.

    Raises
    ------
    UserError
        An unknown name, runs for an explorer that shows none, or a folder that is not there.

    Examples
    --------
    >>> page_notebook("gradients").cells[1].source.splitlines()[-1]
    "explorer('gradients')"
    """
    from nbformat import v4

    entry = find(name)
    if runs and not entry.takes_runs:
        raise UserError(f"{name} shows no runs", hint="leave them out")
    for place in runs:
        if not os.path.isdir(os.path.expanduser(place)):
            raise UserError(f"{place}: no such folder", hint="name a folder of finished runs; dacl-edu demo makes one")
    options = f", runs={list(runs)!r}" if runs else ""
    lines = ["import os", "", f"os.chdir({folder!r})"] if folder else []
    lines += ["from dacl_edu.widgets import explorer", "", f"explorer({name!r}{options})"]
    title = name.replace("-", " ").capitalize()
    heading = f"# {title}\n\n{entry.says[0].upper()}{entry.says[1:]}."
    cells = [v4.new_markdown_cell(heading), v4.new_code_cell("\n".join(lines))]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "title": f"{title} – dacl-edu"})


def serve(
    name: str,
    runs: Sequence[str] = (),
    port: int = PORT,
    open_browser: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve an explorer until Ctrl-C, on 127.0.0.1 only; nothing is fetched from other hosts.

    Parameters as for :func:`page_notebook`. The next free port is taken where ``port`` is in use; ``say`` is told that
    it starts, and the address once it answers.

    Raises
    ------
    UserError
        voila is missing; or as :func:`page_notebook`.
    """
    find(name)
    import_jsonschema()
    try:
        import nbformat
        from jupyter_core.paths import jupyter_path
        from jupyterlab_server.config import get_federated_extensions
        from tornado.ioloop import IOLoop
        from voila.app import Voila
    except ImportError as error:
        raise UserError(f"{error.name} is not installed", hint="pip install 'dacl-edu[notebooks]'") from error

    notebook = page_notebook(name, runs, os.getcwd())
    say(f"{name} starts; its page takes some seconds to load …")
    with tempfile.TemporaryDirectory(prefix="dacl-edu-") as folder:
        path = Path(folder) / f"{name}.ipynb"
        nbformat.write(notebook, path)
        (Path(folder) / "index.html.j2").write_text(TEMPLATE, encoding="utf-8")

        class Page(Voila):
            """Voila with the project's template, that says when it is ready."""

            def setup_template_dirs(self) -> None:
                super().setup_template_dirs()
                self.template_paths = [folder, *self.template_paths]  # type: ignore[has-type]

            def init_settings(self) -> dict[str, Any]:
                # The timeout that is preset is longer than the time between pings, which tornado complains of.
                return super().init_settings() | {"ws_ping_timeout": 30_000}

            def launch_browser(self) -> None:  # voila calls it when it listens
                # One kernel is warmed, for the first page; a page that comes later starts its own.
                self.kernel_manager.kernel_pools_config = {"default": {"pool_size": 0}}
                IOLoop.current().add_callback(self._invite)

            async def _invite(self) -> None:
                while not self.kernel_manager.notebook_data:  # who comes earlier is given another, cold kernel
                    await asyncio.sleep(0.01)
                url = f"http://127.0.0.1:{self.port}/"
                say(f"{url}   (Ctrl-C ends it)")
                if open_browser:
                    webbrowser.open(url)

            def stop(self) -> None:
                # Nothing in these kernels is to be kept, and voila's own way can wait for ever for one whose page
                # was closed a moment before.
                for kernel in self.kernel_manager.list_kernel_ids():
                    process = getattr(self.kernel_manager.get_kernel(kernel).provisioner, "process", None)
                    if process is not None:
                        process.kill()
                shutil.rmtree(self.connection_dir, ignore_errors=True)

        # Sockets in a folder of this user rather than ports that every user of the machine can reach.
        private = ["--KernelManager.transport=ipc"] if os.name == "posix" else []
        quiet = ["--Voila.log_level=ERROR", "--Voila.open_browser=True"]
        quiet += ["--VoilaConfiguration.preheat_kernel=True"]  # the kernel computes while the browser comes
        others = set(get_federated_extensions(jupyter_path("labextensions"))) - set(EXTENSIONS)
        quiet += [f"--VoilaConfiguration.extension_denylist={extension}" for extension in sorted(others)]
        Page.launch_instance([str(path), f"--port={port}", "--Voila.ip=127.0.0.1", *quiet, *private])
