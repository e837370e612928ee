"""An explorer as a page of its own, served by voila to this machine alone."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu.widgets import find

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


_SLOW = "rfc3987_syntax"
"""A grammar of addresses that jsonschema takes 1.5 s to build as it is imported; nothing here checks addresses."""


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
    lines = ["import sys", "", f"sys.modules[{_SLOW!r}] = None", ""]
    lines += ["import os", "", f"os.chdir({folder!r})"] if folder else []
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
    sys.modules.setdefault(_SLOW, None)  # type: ignore[arg-type]
    try:
        import nbformat
        from jupyter_core.paths import jupyter_path
        from jupyterlab_server.config import get_federated_extensions
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
        # The kernel computes while the browser comes; the next one waits until that page is drawn and was first moved.
        quiet += ["--VoilaConfiguration.preheat_kernel=True", "--VoilaKernelManager.fill_delay=30"]
        others = set(get_federated_extensions(jupyter_path("labextensions"))) - set(EXTENSIONS)
        quiet += [f"--VoilaConfiguration.extension_denylist={extension}" for extension in sorted(others)]
        Page.launch_instance([str(path), f"--port={port}", "--Voila.ip=127.0.0.1", *quiet, *private])
