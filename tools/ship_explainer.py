"""Train the runs that the explainer shows, and store what it shows of them: up to 1.6 MB a run.

python -m tools.ship_explainer runs/explainer                seed 0, at the epochs whose snapshots are shipped
python -m tools.ship_explainer runs/explainer --last 1       and seed 1, at its last epoch
python -m tools.ship_explainer runs/explainer --whole        as the preset quick trains, fifteen times as long

They are trained for this, since the runs of tools/ship_runs keep no weights; on a fifth of the faces and 32 pixels a
side, which is enough to see how things come to be. What is interrupted goes on where it stopped. Which faces are shown
does not depend on the answers.
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
from tools.shipped_runs import EPOCHS  # noqa: E402

SMALL = {"load_size": 36, "image_size": 32, "limit": 1400, "batch_size": 64}
"""What differs from the preset quick."""


def weights(folder: Path, epoch: int) -> Path:
    """Where the checkpoint of an epoch is kept."""
    return folder / "weights" / f"epoch_{epoch:03d}.pt"


def train_with_weights(config: TrainConfig, folder: Path) -> None:
    """Train, or go on, and keep the checkpoints of :data:`EPOCHS`."""

    def keep(line: dict[str, Any]) -> None:
        if line["epoch"] in EPOCHS:
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
    parser.add_argument("--whole", action="store_true", help="train as the preset quick does")
    arguments = parser.parse_args()
    changes: dict[str, Any] = {} if arguments.whole else SMALL
    for seed in [*arguments.seeds, *arguments.last]:
        for method in arguments.methods:
            config = TrainConfig.from_preset("quick", method=method, seed=seed, **changes)
            folder = arguments.folder / f"{method}-seed{seed}"
            train_with_weights(config, folder)
            last = load_run(folder)
            epochs = EPOCHS if seed in arguments.seeds else EPOCHS[-1:]
            faces = choose_faces(load_dataset("bundled", "test", image_size=config.load_size))
            run = explain_run([at_epoch(last, epoch) for epoch in epochs], epochs, faces.images, faces.labels)
            target = paths.shipped_runs() / FOLDER / f"{method}-seed{seed}.npz"
            run.save(target)
            print(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
