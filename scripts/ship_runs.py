"""Copy finished runs into notebooks/shipped, small enough for the repository: what lessons 08 to 10 start from.

    python scripts/ship_runs.py runs/seeds                      predictions only, about 20 kB a run
    python scripts/ship_runs.py runs/seeds --features 0         with features and attention for that seed
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dacl_edu.lessons.runs import SHIPPED, find_runs, ship  # noqa: E402


def main() -> None:
    """Find the runs, write them, say their size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders that hold finished runs")
    parser.add_argument("--features", type=int, help="the seed whose runs keep features and attention")
    arguments = parser.parse_args()
    for run in find_runs(arguments.folders):
        config = run.config.model_copy(update={"root": None})  # a path of one machine
        folder = SHIPPED / f"{config.data}-{config.method}-{config.preset}-seed{config.seed}"
        ship(dataclasses.replace(run, config=config), folder, features=config.seed == arguments.features)
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{folder.relative_to(ROOT)}  {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
