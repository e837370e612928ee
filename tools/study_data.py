"""Make the data sets of the second half of the bundled study from the shipped faces: other labels, fewer images.

    python -m tools.study_data runs/study-data

writes ``noise000`` (every training label as rendered; as shipped, one in ten is wrong), ``noise030`` (three in ten are
wrong, confused as the shipped ones are), ``share010`` and ``share001`` (a tenth and a hundredth of the training images
of each class). Validation and test stay as they are. Harder and easier pictures have to be rendered:
``python -m dacl_edu_faces.pack --wildness 1 --out runs/study-data/wild100``, and 0 into ``wild000``.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dacl_edu import paths
from dacl_edu.data.bundled import MANIFEST
from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu_faces.pack import observed_labels, store_split

NOISE = {"noise000": 0.0, "noise030": 0.3}
SHARES = {"share010": 0.1, "share001": 0.01}


def main() -> int:
    """Write the four sets; return the exit status."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, out = paths.bundled_faces(), Path(sys.argv[1])
    table = pd.read_csv(source / "train.csv.gz", dtype=str, keep_default_na=False)
    true = np.array([EXPRESSIONS.index(name) for name in table.label_true])
    for name, noise in NOISE.items():
        observed = [EXPRESSIONS[k] for k in observed_labels("train", true, noise=noise)]
        write_twin(source, out / name, table.assign(label_observed=observed), np.arange(len(table)))
    for name, share in SHARES.items():
        kept = share_of_each(table.label_observed.to_numpy(), share)
        write_twin(source, out / name, table.iloc[kept], kept)
    return 0


def share_of_each(labels: NDArray[np.object_], share: float, seed: int = 0) -> NDArray[np.int64]:
    """Return the rows of a share of every class, at least two, in their old order.

    Examples
    --------
    >>> [int(row) for row in share_of_each(np.array(["a"] * 4 + ["b"] * 8, dtype=object), 0.5)]
    [0, 2, 6, 8, 10, 11]
    """
    rng = np.random.default_rng(seed)
    rows = []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        rows.append(rng.permutation(of_class)[: max(2, round(share * len(of_class)))])
    return np.sort(np.concatenate(rows))


def write_twin(source: Path, target: Path, table: pd.DataFrame, rows: NDArray[np.int64]) -> None:
    """Copy the shipped set with another training table, whose pictures are the given rows of the shipped ones."""
    target.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
    for split in ("val", "test"):
        for name in (f"{split}.npz", f"{split}.csv.gz"):
            shutil.copy(source / name, target / name)
    with np.load(source / "train.npz", allow_pickle=False) as arrays:
        stream, offsets = arrays["jpeg"], arrays["offsets"]
    jpegs = [stream[offsets[row] : offsets[row + 1]].tobytes() for row in rows]
    manifest["files"] |= store_split("train", jpegs, table, target)
    manifest["images"]["train"] = len(rows)
    (target / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
