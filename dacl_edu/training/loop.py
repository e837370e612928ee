"""Algorithm 1 of the paper as one visible loop. The comments ``line k`` are the lines of Algorithm 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from dacl_edu.data import OwnData
from dacl_edu.evaluation.predict import predict
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.training.build import build_run
from dacl_edu.training.meter import EpochMeter, check_weights
from dacl_edu.training.progress import Reporter
from dacl_edu.training.result import epoch_line, write_result


def train(
    config: TrainConfig,
    out: str | Path,
    resume: bool = False,
    progress: bool = True,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    data: OwnData | None = None,
) -> dict[str, Any]:
    """Train and evaluate one model as ``config`` says, into the folder ``out``.

    Parameters
    ----------
    config : TrainConfig
        See :meth:`TrainConfig.from_preset`.
    out : path
        The run folder; must be new or empty, unless ``resume``.
    resume : bool, default False
        Continue a run that was interrupted, from the end of its last finished epoch, to the very bits that an
        uninterrupted run gives on the same machine. A finished run is returned as it is.
    progress : bool, default True
        Show a progress bar in a terminal and one line an epoch, on standard error.
    on_epoch : callable, optional
        Called with the metrics of each epoch, e.g. to draw a live plot.
    data : OwnData, optional
        Data sets of one's own in place of ``config.data``; see :meth:`dacl_edu.data.OwnData.from_datasets`.

    Returns
    -------
    dict
        What ``result.json`` holds: method, data, scores on the evaluated split, speed, versions.

    Raises
    ------
    UserError
        A wrong setting, a damaged data set, a folder that holds another run, or a loss that is not finite.

    Examples
    --------
    >>> import tempfile
    >>> config = TrainConfig.from_preset("smoke", method="center", limit=28, batch_size=14, epochs=1)
    >>> result = train(config, tempfile.mkdtemp(), progress=False)
    >>> sorted(result["attention"])
    ['entropy', 'mean', 'std']
    """
    if data is not None:
        config = config.model_copy(update={"data": data.name})
    folder = RunFolder(out)
    if resume and folder.result_file.exists():
        with folder:
            folder.start(config, resume)
            return folder.result()
    # Input of Algorithm 1: parameters θ_C, θ_P, θ_A, θ_S, centers C, hyper-parameters α, λ, μ, and the data.
    run = build_run(config, folder, resume, progress)
    fabric, model, optimizer, schedule, speed = run.fabric, run.model, run.optimizer, run.schedule, run.speed
    centers, objective = run.centers, run.objective
    progress = progress and fabric.is_global_zero

    steps = len(run.batches)
    with folder, Reporter(config.epochs * steps, run.epoch * steps, progress) as reporter:
        while run.epoch < config.epochs:  # line 1: while not converged
            name = f"{config.method} epoch {run.epoch + 1}/{config.epochs}"
            seen = EpochMeter(fabric.device)
            model.train()

            batches = speed.timed(run.batches.epoch(run.epoch))
            for step, (images, labels, joined) in enumerate(batches):  # line 2: a mini-batch
                optimizer.zero_grad()
                for part, labels_of_part, is_last in _micro_batches(images, labels, config.accumulate):
                    with fabric.no_backward_sync(model, enabled=not is_last and config.devices > 1):
                        logits, features, attention, _ = model(part)  # lines 3, 4, 5: x*, x, a
                        terms = objective(logits, features, attention, labels_of_part, centers())  # lines 6, 7, 8
                        # Eq. 2-4 are means: parts weigh as many samples as they have (processes are averaged).
                        share = fabric.world_size * len(part) / joined
                        fabric.backward(share * terms.total)  # lines 9, 10, 11, 12: the gradients
                    centers.accumulate(features, attention, labels_of_part)  # line 13: Δc, Eq. 11
                    seen.add(terms, logits, labels_of_part, attention)
                if config.clip_norm:
                    fabric.clip_gradients(model, optimizer, max_norm=config.clip_norm, error_if_nonfinite=False)
                # line 14: t <- t + 1
                # line 15: c <- c - α Δc; losses that drive the centers apart add a push
                centers.step(objective.center_push(centers()))
                optimizer.step()  # line 16: θ <- θ - μ g
                rate = schedule.get_last_lr()[0]
                schedule.step()

                speed.images += joined
                if step % run.read_every == 0 or step == steps - 1:  # to read a GPU's numbers is to wait for it
                    done = run.epoch * steps + step + 1
                    reporter.step(name, done, seen.check_finite(name, step, folder), speed)
            # line 17: end while

            check_weights(run.network, centers, name, folder)
            line = {"epoch": run.epoch + 1, **seen.summary(), "lr": rate}
            if run.validation is not None:
                line["validation"] = predict(model, run.validation, run.prepare, device=fabric.device).scores()
            line |= {"images_per_second": speed.images_per_second, "data_wait": speed.data_wait}
            run.finish_epoch(line)
            reporter.say(epoch_line(name, line))
            if on_epoch:
                on_epoch(line)

        return write_result(run)


def _micro_batches(images: Tensor, labels: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
    parts = list(zip(images.tensor_split(count), labels.tensor_split(count), strict=True))
    for index, (part, labels_of_part) in enumerate(parts):
        yield part, labels_of_part, index == len(parts) - 1
