"""How many images each data set is published to have, for comparison with what is on this disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dacl_edu.expressions import EXPRESSIONS, RAFDB_COMPOUND


@dataclass(frozen=True)
class Published:
    """Counts of one data set.

    Attributes
    ----------
    splits : mapping of str to tuple of int
        Images of each class in the order of `EXPRESSIONS`, by split. The split ``"all"`` is the sum over the splits,
        where the data set has none of its own.
    others : mapping of str to mapping of str to int
        The same of classes that are none of the paper's, by split and name.
    note : str
        What to know before comparing.
    """

    splits: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    note: str = ""

    def count(self, split: str, expression: str) -> int | None:
        """Images of a class in a split, or None where nothing is published of it.

        Examples
        --------
        >>> PUBLISHED["rafdb"].count("test", "fear")
        74
        """
        counts = dict(zip(EXPRESSIONS, self.splits.get(split, ()), strict=False)) | dict(self.others.get(split, {}))
        return counts.get(expression)

    def lacks(self, name: str) -> bool:
        """Whether the data set as published has no image of a class at all.

        Examples
        --------
        >>> PUBLISHED["ckplus"].lacks("neutral"), PUBLISHED["rafdb"].lacks("neutral")
        (True, False)
        """
        found = [self.count(split, name) for split in {*self.splits, *self.others}]
        return bool(found) and all(count == 0 for count in found)


#: By the name that `load_dataset` knows. RAF-DB's counts and the totals are those of the authors; the counts per class
#: of the others are the customary ones of the literature, verified here only to add up to those totals.
PUBLISHED: dict[str, Published] = {
    "rafdb": Published(
        {"train": (1290, 281, 717, 4772, 1982, 705, 2524), "test": (329, 74, 160, 1185, 478, 162, 680)},
        {"all": dict(zip(RAFDB_COMPOUND, (697, 266, 129, 163, 86, 738, 150, 560, 176, 841, 148), strict=True))},
    ),
    "affectnet": Published(
        {"train": (14090, 6378, 3803, 134415, 25459, 24882, 74874), "val": (500,) * len(EXPRESSIONS)},
        {"train": {"contempt": 3_750}, "val": {"contempt": 499}},
        note="the seven classes have 283,901 images in train and 3,500 in val; with contempt it is 287,651 and 3,999",
    ),
    "fer2013": Published(
        {
            "train": (3171, 4097, 436, 7215, 4830, 3995, 4965),
            "val": (415, 496, 56, 895, 653, 467, 607),
            "test": (416, 528, 55, 879, 594, 491, 626),
        },
        note="copies in class folders have PublicTest and PrivateTest together as test: 7,178 images",
    ),
    "ferplus": Published(note="FER+ publishes votes, not labels: 35,887 rows, of which some have no majority"),
    "ckplus": Published(
        {"all": (249, 75, 177, 207, 84, 135, 0)},
        {"all": {"contempt": 54}},
        note="981 images with 54 of contempt; there is no official split, and no neutral",
    ),
    "jaffe": Published({"all": (30, 32, 29, 31, 31, 30, 30)}, note="213 images of 10 subjects"),
    "expw": Published(
        {"all": (7060, 1088, 3995, 30537, 10559, 3671, 34883)}, note="91,793 faces; there is no official split"
    ),
}


def published_for(name: str) -> Published:
    """What is published of a data set, by the name that `load_dataset` knows (an option after a colon does not matter).

    Nothing, for any other name.

    Examples
    --------
    >>> sum(published_for("jaffe:KA").splits["all"])
    213
    """
    return PUBLISHED.get(name.partition(":")[0], Published())
