"""What is wrong with a data set on this disk: counts, files that do not decode, and images in two splits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from dacl_edu.data.decode import progress
from dacl_edu.data.duplicates import SIDE, grey_copy, near_copies, pixel_digest
from dacl_edu.data.listing import Listing
from dacl_edu.data.prepared import is_prepared, verify_prepared
from dacl_edu.data.published import published_for
from dacl_edu.data.registry import available_splits, dataset_root, list_dataset
from dacl_edu.errors import UserError

# Futures are kept until their turn comes, so that many images are handed to the threads a part at a time.
_PART = 2048


@dataclass
class Leak:
    """One picture in two splits; `kind` is ``"exact"`` (the same pixels) or ``"near"`` (re-encoded, resized)."""

    kind: str
    splits: tuple[str, str]
    images: tuple[str, str]
    labels: tuple[str, str]


@dataclass
class Report:
    """What `check_dataset` found.

    Attributes
    ----------
    name, root : str
    counts, published : dict of str to dict of str to int
        Images of each class, by split; ``"all"`` stands for all splits together.
    undecodable : dict of str to str
        What is wrong, by file.
    repeats : dict of str to int
        Images of a split that are the same, pixel for pixel, as an earlier one of it.
    leaks : list of Leak
    changed : list of str
        Splits of a prepared folder that are not what was written.
    notes : list of str
    """

    name: str
    root: str
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    published: dict[str, dict[str, int]] = field(default_factory=dict)
    undecodable: dict[str, str] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    leaks: list[Leak] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def differences(self) -> list[str]:
        """Counts that are not the published ones: ``"train fear: 280 instead of 281"``."""
        return [
            f"{split} {name}: {self.counts[split][name]:,} instead of {count:,}"
            for split, counts in self.published.items()
            for name, count in counts.items()
            if self.counts[split][name] != count
        ]

    def require_sound(self, allow_leak: bool = False, allow_undecodable: bool = False) -> None:
        """Refuse a data set that is damaged or leaks. Counts that differ from the published ones are no error.

        Raises
        ------
        UserError
            A prepared folder has changed; or files do not decode, or an image is in two splits, where that is not
            allowed.
        """
        if self.undecodable and not allow_undecodable:
            file, problem = next(iter(self.undecodable.items()))
            raise UserError(
                f"{len(self.undecodable)} images of {self.name} cannot be decoded; the first is {file}: {problem}",
                hint="copy or unpack these files again; dacl-edu data prepare --on-error skip leaves them out",
            )
        if self.changed:
            raise UserError(
                f"{self.root}: {', '.join(self.changed)} changed since it was prepared",
                hint="remove the folder and repeat dacl-edu data prepare",
            )
        if self.leaks and not allow_leak:
            leak = self.leaks[0]
            raise UserError(
                f"{len(self.leaks)} images of {self.name} are in two splits; the first is {leak.images[0]} "
                f"({leak.splits[0]}), {'an exact' if leak.kind == 'exact' else 'a near'} copy of {leak.images[1]} "
                f"({leak.splits[1]})",
                hint="take them out of one split, or accept it with --allow-leak and say so beside every result",
            )


@dataclass
class _Signatures:
    """Rows that decode, and what copies of them would share."""

    rows: np.ndarray
    digests: list[bytes]
    greys: np.ndarray


def check_dataset(name: str, root: str | Path | None = None, **options: Any) -> tuple[Report, dict[str, Listing]]:
    """Decode every image of a data set and look for damage and leaks; return its splits too, for a contact sheet.

    Parameters are those of `load_dataset`.

    Raises
    ------
    UserError
        The data set is not there, or its list of images is damaged.
    """
    folder = dataset_root(name, root)
    listings = {split: list_dataset(name, split, root, **options) for split in available_splits(name, root, **options)}
    report = Report(name, str(folder or ""))
    if is_prepared(folder):
        assert folder is not None
        report.changed = [split for split, sound in verify_prepared(folder) if not sound]
    _count(report, listings)
    signatures = {split: _read(listing, report) for split, listing in listings.items()}
    for split, found in signatures.items():
        report.repeats[split] = len(found.digests) - len(set(found.digests))
    for one, other in combinations(listings, 2):
        report.leaks += _leaks(listings[one], listings[other], signatures[one], signatures[other])
    return report, listings


def _count(report: Report, listings: dict[str, Listing]) -> None:
    for split, listing in listings.items():
        counts = np.bincount(np.asarray(listing.labels), minlength=len(listing.classes)).tolist()
        report.counts[split] = dict(zip(listing.classes, counts, strict=True))
        report.notes += [f"{split}: {note}" for note in listing.notes]
        if empty := [name for name, count in report.counts[split].items() if not count]:
            report.notes.append(f"{split}: no image of class {', '.join(empty)}; training refuses a class without one")
    known = published_for(report.name)
    classes = next(iter(listings.values())).classes
    if any(known.count("all", name) is not None for name in classes):
        report.counts["all"] = {c: sum(report.counts[split][c] for split in listings) for c in classes}
    report.published = {
        split: found
        for split, counts in report.counts.items()
        if (found := {c: count for c in counts if (count := known.count(split, c)) is not None})
    }
    report.notes += [f"published: {known.note}"] if known.note else []


def _read(listing: Listing, report: Report) -> _Signatures:
    def look(row: int) -> tuple[int, bytes, np.ndarray] | tuple[int, UserError]:
        try:
            image = listing.decode(row)
        except UserError as error:
            return row, error
        return row, pixel_digest(image), grey_copy(image)

    def results() -> Iterator[Any]:
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(listing), _PART):
                yield from pool.map(look, range(start, min(start + _PART, len(listing))))

    rows: list[int] = []
    digests: list[bytes] = []
    greys = np.empty((len(listing), SIDE, SIDE), dtype=np.uint8)
    for row, *found in progress(results(), len(listing), what=f"checking {listing.split}"):
        if isinstance(found[0], UserError):
            report.undecodable[listing.source(row)] = found[0].problem
        else:
            greys[len(rows)] = found[1]
            rows.append(row)
            digests.append(found[0])
    return _Signatures(np.array(rows, dtype=np.int64), digests, greys[: len(rows)])


def _leaks(one: Listing, other: Listing, left: _Signatures, right: _Signatures) -> Iterator[Leak]:
    """A leak for each image of `one` that `other` holds as well, in the order of `one`."""
    first_with = {digest: at for at, digest in reversed(list(enumerate(right.digests)))}
    copies = {at: ("exact", first_with[digest]) for at, digest in enumerate(left.digests) if digest in first_with}
    for a, b in zip(*(rows.tolist() for rows in near_copies(left.greys, right.greys)), strict=True):
        copies.setdefault(a, ("near", b))
    for at, (kind, match) in sorted(copies.items()):
        a, b = int(left.rows[at]), int(right.rows[match])
        yield Leak(
            kind,
            (one.split, other.split),
            (one.source(a), other.source(b)),
            (one.classes[int(one.labels[a])], other.classes[int(other.labels[b])]),
        )
