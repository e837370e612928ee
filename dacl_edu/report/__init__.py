"""One self-contained page about some runs: what was asked, what came out, and every figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dacl_edu.report.write import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    """Import the sections when a report is written: the command line must start without them."""
    if name == "write_report":
        from dacl_edu.report.write import write_report

        return write_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
