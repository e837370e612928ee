"""The kinds of torture: each yields cases, a name and a call that returns what was lost, or nothing."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import torch
from training.tiny import tiny_options, write_faces

from dacl_edu.runs.checkpoint import load_checkpoint, newest_checkpoint
from dacl_edu.runs.trained import load_run
from torture.bad_archives import bad_archives
from torture.bad_images import bad_images
from torture.commands import command, complaint, outcome
from torture.damage import WORDS, damaged_bytes, damaged_json
from torture.parsers import CONFIG, PARSERS, RESULT, prepare

Case = tuple[str, Callable[[], str]]


def train(folder: Path) -> list[str]:
    """Return a command of two epochs in half a second, which goes on where it stopped; pictures are made once."""
    root = folder / "faces"
    if not root.is_dir():
        write_faces(root)
    return ["train", *tiny_options(root, epochs=2, method="center", select_by="validation"), "--out", "run", "--resume"]


def trained(folder: Path) -> Path:
    """Return a run that nothing happened to; it is made once."""
    run = folder / "whole" / "run"
    if not (run / "result.json").is_file():
        shutil.rmtree(run, ignore_errors=True)
        ended = command(train(folder), run.parent)
        assert ended.code == 0, ended.err
    return run


def at_write(number: int, act: Callable[[str], object]) -> Callable[[], None]:
    """Return what makes a child ``act`` right before it changes a file below its folder for the ``number``-th time."""

    def watch() -> None:
        here, seen = os.getcwd(), [0]

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            writes = event in ("os.rename", "os.link", "os.remove", "os.mkdir", "shutil.copyfile")
            if event == "open":
                mode, flags = (*arguments, None, None)[1:3]
                writes = bool(isinstance(mode, str) and set(mode) & set("wxa+")) or bool(
                    isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
                )
            if writes and isinstance(arguments[0], str | os.PathLike):
                path = os.path.abspath(os.fspath(arguments[0]))
                if str(path).startswith(f"{here}{os.sep}"):
                    seen[0] += 1
                    if seen[0] == number:
                        act(str(path))

        sys.addaudithook(hook)

    return watch


def same_bits(run: Path, whole: Path) -> str:
    """Return what a run has lost against one that nothing happened to."""
    one, other = (load_checkpoint(place / "checkpoint_last.pt") for place in (run, whole))
    for part in ("model", "centers"):
        if not all(torch.equal(value, other[part][name]) for name, value in one[part].items()):
            return f"other bits in {part}"
    if [line["train"] for line in one["history"]] != [line["train"] for line in other["history"]]:
        return "another history"
    for name in ("environment.json", "metrics.jsonl", "predictions.npz", "checkpoint_before.pt"):
        if not (run / name).is_file():
            return f"no {name}"
    left = [file.name for file in run.iterdir() if file.name.startswith(".")]
    return f"left behind: {left}" if left else ""


def goes_on(words: list[str], folder: Path, whole: Path) -> str:
    """Start the run of a folder again and compare it with the whole one."""
    return complaint(command(words, folder), codes=(0,)) or same_bits(folder / "run", whole)


def _interrupted(folder: Path, name: str, before: Callable[[], object], codes: dict[int, str], whole: Path) -> Case:
    def case() -> str:
        place = folder / name.replace(" ", "-")
        shutil.rmtree(place, ignore_errors=True)
        ended = command(train(folder), place, before)
        if ended.code not in codes:
            return f"exit {ended.code}: {ended.err[-300:]}"
        if codes[ended.code] not in ended.err or "Traceback" in ended.err or "--debug" in ended.err:
            return f"said: {ended.err[-300:]}"
        lost = goes_on(train(folder), place, whole)
        shutil.rmtree(place)
        return lost

    return name, case


def _send(number: int, _: str) -> None:
    os.kill(os.getpid(), number)


def _served(words: list[str], folder: Path, before: Callable[[], object] = lambda: None) -> str:
    return complaint(command(words, folder, before))


MOMENTS = 60
"""Changes of files in a run of two epochs; where there are fewer, the last ones come after its end."""


def kills(folder: Path, count: int = 40) -> Iterator[Case]:
    """``kill -9`` between any two writes; then the same command must end with the bits of a run left alone."""
    whole = trained(folder)
    for moment in _moments("kill", count):
        kill = at_write(moment, partial(_send, signal.SIGKILL))
        yield _interrupted(folder, f"kill at write {moment}", kill, {-signal.SIGKILL: "", 0: ""}, whole)


def signals(folder: Path, count: int = 24) -> Iterator[Case]:
    """Ctrl-C, a queue's SIGTERM, a closed terminal: a sentence, the signal's exit status, and nothing lost."""
    whole, numbers = trained(folder), (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for at, moment in enumerate(_moments("signal", count)):
        number = numbers[at % 3]
        send = at_write(moment, partial(_send, number))
        codes = {128 + number: "interrupted", 0: ""}
        yield _interrupted(folder, f"{number.name} at write {moment}", send, codes, whole)


def _moments(kind: str, count: int) -> list[int]:
    every = list(range(1, MOMENTS + 1))
    return Random(kind).sample(every, min(count, len(every)))


def disk(folder: Path, count: int = 24) -> Iterator[Case]:
    """Full and read-only disks: a sentence with the path, old files whole, and the run goes on once there is room."""
    whole = trained(folder)

    def refuse(number: int) -> Callable[[str], object]:
        def act(path: str) -> None:
            raise OSError(number, os.strerror(number), path)

        return act

    for at, moment in enumerate(_moments("disk", count)):
        number = (errno.ENOSPC, errno.EROFS, errno.EDQUOT)[at % 3]
        full = at_write(moment, refuse(number))
        yield _interrupted(folder, f"{errno.errorcode[number]} at write {moment}", full, {2: "error: ", 0: ""}, whole)
    for size in (20_000, 300_000, 2_000_000):  # less than a message takes would hide it

        def limited(size: int = size) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        yield _interrupted(folder, f"files of {size} bytes", limited, {2: "error: ", 0: ""}, whole)
        for words in (
            ["evaluate", str(whole), "--predictions", "p.npz"],
            ["data", "prepare", "--data", "bundled", "--size", "32", "--out", "prepared"],
            ["data", "check", "--data", "digits", "--sheet", "sheet.png"],
            ["compare", str(whole)],
        ):  # fmt: skip
            yield (
                f"{' '.join(words[:2])}, files of {size} bytes".replace(str(whole), "RUN"),
                (partial(_served, words, folder / "full", limited)),
            )


def parsers(kind: str) -> Callable[..., Iterator[Case]]:
    """Return the kind that damages the files of every parser of it."""

    def cases(folder: Path, count: int = 1500) -> Iterator[Case]:
        names = [name for name, parser in PARSERS.items() if parser.kind == kind]
        for name in names:
            prepare(name, folder / name)
            for number in range(-(-count // len(names))):
                yield f"{name} {number}", partial(_parsed, name, number, folder / name)

    return cases


def _parsed(name: str, number: int, folder: Path) -> str:
    parser = PARSERS[name]
    (folder / parser.file).write_bytes(parser.damage(Random(f"{name} {number}")))
    return outcome(lambda: parser.read(folder))


def run_folders(folder: Path, count: int = 1500) -> Iterator[Case]:
    """Files of runs: each by itself, and one damaged run among sound ones, by the commands that read many."""
    yield from parsers("run folders")(folder, count)
    whole = trained(folder)
    for number in range(count // 20):
        random = Random(f"run {number}")
        name, content = random.choice(
            [("config.json", CONFIG), ("result.json", RESULT), ("metrics.jsonl", {"epoch": 1})]
        )
        words = random.choice([["compare"], ["compare", "--each"], ["evaluate"]])

        def case(name: str = name, damage: bytes = damaged_json(random, content), words: list[str] = words) -> str:
            place = folder / "many"
            shutil.rmtree(place, ignore_errors=True)
            for run in ("a", "b"):
                shutil.copytree(whole, place / run)
            (place / "b" / name).write_bytes(damage)
            ended = command([*words, str(place)], folder / "here")
            gone = ended.code != 0 and "left out" in ended.err  # one that can be read may differ too much to compare
            return complaint(ended) or (f"the sound run is gone: {ended.err[-200:]}" if gone else "")

        yield f"{' '.join(words)} with {name} {number}", case


def checkpoints(folder: Path, count: int = 300) -> Iterator[Case]:
    """Damaged checkpoints: refused by name, or of the bits that were written; never other bits."""
    whole = trained(folder)
    content, sound = (whole / "checkpoint_last.pt").read_bytes(), load_checkpoint(whole / "checkpoint_last.pt")
    place = folder / "run"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole, place)
    for number in range(count):

        def case(number: int = number) -> str:
            for name in ("checkpoint_last.pt", "checkpoint_best.pt"):
                (place / name).write_bytes(damaged_bytes(Random(f"checkpoint {number}"), content))

            def read() -> None:
                state = newest_checkpoint(
                    place / "checkpoint_last.pt", place / "checkpoint_before.pt", lambda words: None
                )
                assert state is not None
                if state["epoch"] == sound["epoch"]:
                    for name, value in state["model"].items():
                        assert torch.equal(value, sound["model"][name]), f"other bits in {name}"
                load_run(place)

            return outcome(read)

        yield f"checkpoint {number}", case


def options(folder: Path, count: int = 1500) -> Iterator[Case]:
    """Hostile values of every option: refused in a sentence, or taken."""
    yield from parsers("options")(folder, count)
    commands = [
        ["data", "prepare", "--data", "bundled", "--size", "?", "--out", "p"], ["data", "check", "--data", "?"],
        ["data", "check", "--data", "folder", "--root", "?"], ["data", "unpack", "?", "--out", "u"],
        ["demo", "--seeds", "?"], ["demo", "--epochs", "?"], ["info", "--image-size", "?"], ["info", "--backbone", "?"],
        ["compare", "?"], ["evaluate", "?"], ["report", "?"], ["sweep", "?"], ["run-notebook", "?", "--parameters"],
        ["run-notebook", "07_training", "-p", "seed", "?"], ["run-notebook", "07_training", "-p", "?", "1"],
        ["train", "--config", "?"], ["train", "--seeds", "?"], ["train", "--preset", "?"], ["explore", "?"],
        ["course", "release", "?"], ["course", "collect", "?", "a2"], ["?"],
    ]  # fmt: skip
    taken = {"", " ", "0", "1", "7", "11", "true", "None", "null", "0_3", "1.5", "Training ", "TRAIN"}  # may train
    hostile = [word for word in WORDS if word not in taken and "\0" not in word]
    every = [(words, at) for words in commands for at in range(len(hostile))]
    for words, at in Random("options").sample(every, min(len(every), count // 10)):
        filled = [hostile[at] if word == "?" else word for word in words]
        yield f"{' '.join(words)} {at}", partial(_served, filled, folder / "here")


def images(folder: Path, count: int = 0) -> Iterator[Case]:
    """Damaged and foreign images in a folder of faces."""
    for what, path in bad_images(folder / "made"):
        yield what, partial(_checked, path, folder)


def archives(folder: Path, count: int = 0) -> Iterator[Case]:
    """Damaged and hostile archives."""
    for what, path in bad_archives(folder / "made"):
        yield what, partial(_unpacked, path, folder)


def _checked(image: Path, folder: Path) -> str:
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for split in ("train", "test"):
        for label in ("anger", "fear"):
            (root / split / label).mkdir(parents=True)
            shutil.copy(_face(folder), root / split / label / "0.png")
    os.rename(image, root / "train" / "anger" / image.name)  # a pipe or a link cannot be copied
    return complaint(
        command(["data", "check", "--data", "folder", "--root", str(root), "--allow-leak"], folder / "here")
    )


def _face(folder: Path) -> Path:
    from PIL import Image

    Image.new("RGB", (24, 24), (90, 70, 60)).save(folder / "face.png")
    return folder / "face.png"


def _unpacked(archive: Path, folder: Path) -> str:
    here = folder / "here"
    shutil.rmtree(here, ignore_errors=True)
    before = {path for path in folder.rglob("*")}
    ended = command(["data", "unpack", str(archive), "--out", "out"], here)
    outside = [path.name for path in {*folder.rglob("*")} - before if here not in path.parents and path != here]
    return complaint(ended) or (f"written outside: {outside}" if outside else "")


KINDS: dict[str, Callable[..., Iterator[Case]]] = {
    "kills": kills, "signals": signals, "disk": disk, "images": images, "archives": archives,
    "labels": parsers("labels"), "checkpoints": checkpoints, "run folders": run_folders, "options": options,
}  # fmt: skip


def results(file: Path) -> dict[str, dict[str, str]]:
    """Read what was tried before: by kind and name, what was lost."""
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}
