"""Copy finished runs into notebooks/shipped, small enough for the repository: what lessons 10 to 13 start from.

python -m tools.ship_runs runs/seeds              answers only, about 30 kB a run
python -m tools.ship_runs runs/seeds --whole 0    with features, attention and snapshots of that seed
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dacl_edu import paths  # noqa: E402
from dacl_edu.runs.run import find_runs, shipped_runs  # noqa: E402
from dacl_edu.widgets.embedding_explorer import explorer_data  # noqa: E402
from dacl_edu.widgets.from_runs import PER_CLASS  # noqa: E402
from tools.shipped_runs import ship  # noqa: E402


def main() -> None:
    """Find the runs, write them, say their size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that hold finished runs")
    parser.add_argument("--whole", type=int, help="the seed whose runs keep features, attention and snapshots")
    arguments = parser.parse_args()
    total = 0
    for run in find_runs(arguments.folders):
        config = run.config
        folder = paths.shipped_runs() / f"{config.data}-{config.method}-{config.preset}-seed{config.seed}"
        size = ship(run, folder, whole=config.seed == arguments.whole)
        total += size
        print(f"{folder.relative_to(ROOT)}  {size / 1000:.0f} kB")
    print(f"together {total / 1000:.0f} kB")
    explorer_data(shipped_runs(), "test", PER_CLASS, cache=paths.shipped_maps())  # UMAP takes seconds


if __name__ == "__main__":
    main()
