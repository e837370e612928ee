"""The script that fits a figure to a narrow page: panels below one another, the legend at the bottom."""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).with_name("reflow.js").read_text(encoding="utf-8")
"""JavaScript; defines ``daclReflow.fit(spec, width)``. The report and the explorers carry it."""
