"""One self-contained page about some runs: what was asked, what came out, and every figure."""

from dacl_edu.report.write import write_report

__all__ = ["write_report"]
