"""Train the runs that the explainer shows, and store what it shows of them: up to 1.4 MB a run.

python -m tools.ship_explainer runs/explainer                       seed 0, at epochs 0, 1, 2, 4, …
python -m tools.ship_explainer runs/explainer --seeds --last 1 2    and seeds 1 and 2, at their last epoch

They are trained for this, since the runs of tools/ship_runs keep no weights: by the preset quick, as those were.
What is interrupted goes on where it stopped. Which faces are shown does not depend on the answers.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dacl_edu import paths  # noqa: E402
from dacl_edu.data import load_dataset  # noqa: E402
from dacl_edu.runs.checkpoint import load_checkpoint  # noqa: E402
from dacl_edu.runs.config import TrainConfig  # noqa: E402
from dacl_edu.runs.run import METHODS  # noqa: E402
from dacl_edu.runs.trained import LoadedRun, load_run  # noqa: E402
from dacl_edu.training import train  # noqa: E402
from dacl_edu.training.data import epoch_generator  # noqa: E402
from dacl_edu.widgets.explainer import FOLDER  # noqa: E402
from dacl_edu.widgets.explainer.stages import choose_faces, explain_run, untrained  # noqa: E402

PRESET = "quick"


def shown_epochs(last: int) -> tuple[int, ...]:
    """Return 0, the powers of two, and the last epoch.

    Examples
    --------
    >>> shown_epochs(28)
    (0, 1, 2, 4, 8, 16, 28)
    """
    return (0, *(2**k for k in range(last.bit_length()) if 2**k < last), last)


def weights(folder: Path, epoch: int) -> Path:
    """Where the checkpoint of an epoch is kept."""
    return folder / "weights" / f"epoch_{epoch:03d}.pt"


def train_with_weights(config: TrainConfig, folder: Path) -> None:
    """Train, or go on, and keep the checkpoints of the epochs that are shown."""

    def keep(line: dict[str, Any]) -> None:
        if line["epoch"] in shown_epochs(config.epochs):
            weights(folder, 0).parent.mkdir(exist_ok=True)
            shutil.copy(folder / "checkpoint_last.pt", weights(folder, line["epoch"]))

    train(config, folder, resume=True, on_epoch=keep)


def at_epoch(last: LoadedRun, epoch: int) -> LoadedRun:
    """Return the run as it was after some epochs; 0 is what its seed began with."""
    if epoch == 0:
        config, (count, width) = last.config, last.centers().shape
        begin = type(last.centers)(
            count, width, config.alpha, config.eps, config.center_init, epoch_generator(config.seed, 0, stream=1)
        )
        return replace(last, model=untrained(last).eval(), centers=begin)
    state = load_checkpoint(weights(last.folder.path, epoch))
    now = load_run(last.folder.path)
    now.model.load_state_dict(state["model"])
    now.centers.load_state_dict(state["centers"])
    return now


def main() -> None:
    """Train, compute, store, say the size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs are trained")
    parser.add_argument("--last", type=int, nargs="*", default=[], help="seeds of which the last epoch is enough")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--preset", default=PRESET, help="how they are trained")
    arguments = parser.parse_args()
    for seed in [*arguments.seeds, *arguments.last]:
        for method in arguments.methods:
            config = TrainConfig.from_preset(arguments.preset, method=method, seed=seed)
            folder = arguments.folder / f"{method}-seed{seed}"
            train_with_weights(config, folder)
            last = load_run(folder)
            shown = shown_epochs(config.epochs)
            epochs = shown if seed in arguments.seeds else shown[-1:]
            faces = choose_faces(load_dataset("bundled", "test", image_size=config.load_size))
            run = explain_run([at_epoch(last, epoch) for epoch in epochs], epochs, faces.images, faces.labels)
            target = paths.shipped_runs() / FOLDER / f"{method}-seed{seed}.npz"
            run.save(target)
            print(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
