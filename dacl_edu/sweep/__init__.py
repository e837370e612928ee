"""Many runs from one plan: on this machine, or on as many as a Dask scheduler knows."""

from dacl_edu.sweep.plan import Cell, read_plan
from dacl_edu.sweep.run import Outcome, run_cells

__all__ = ["Cell", "Outcome", "read_plan", "run_cells"]
