"""Tables 1 and 2 of the paper as data, to be put beside one's own results."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from dacl_edu.data.published import PUBLISHED
from dacl_edu.errors import UserError


class PublishedResult(NamedTuple):
    """One row of a table of the paper, in percent.

    Attributes
    ----------
    method : str
    accuracy : float
    average_accuracy : float or None
        None where the paper gives none.
    """

    method: str
    accuracy: float
    average_accuracy: float | None = None


TABLE_1: tuple[PublishedResult, ...] = (
    PublishedResult("FSN", 81.10, 72.46),
    PublishedResult("pACNN", 83.27),
    PublishedResult("DLP-CNN", 84.13, 74.20),
    PublishedResult("ALT", 84.50, 76.50),
    PublishedResult("gACNN", 85.07),
    PublishedResult("separate loss", 86.38, 77.25),
    PublishedResult("IPA2LT", 86.77),
    PublishedResult("RAN", 86.90),
    PublishedResult("DDA loss", 86.90, 79.71),
    PublishedResult("SCN", 87.03),
    PublishedResult("softmax loss", 86.54, 79.43),
    PublishedResult("center loss", 87.06, 79.71),
    PublishedResult("DACL", 87.78, 80.44),
)
"""Table 1: RAF-DB test part, 3,068 images."""

TABLE_2: tuple[PublishedResult, ...] = (
    PublishedResult("pACNN", 55.33),
    PublishedResult("IPA2LT", 57.31),
    PublishedResult("IPFR", 57.40),
    PublishedResult("gACNN", 58.78),
    PublishedResult("separate loss", 58.89),
    PublishedResult("DDA loss", 62.34),
    PublishedResult("softmax loss", 63.86),
    PublishedResult("center loss", 64.09),
    PublishedResult("DACL", 65.20),
)
"""Table 2: AffectNet validation part, 3,500 images, 500 of each class: accuracy and average accuracy are the same."""


class ReportedAttempt(NamedTuple):
    """What a user of the authors' released code says to have reached.

    Attributes
    ----------
    dataset : str
    accuracy : float
        In percent, of the epoch that was best on the test part, as the code reports it.
    words : str
        What is known of the run.
    source : str
        A thread of the code's repository.
    """

    dataset: str
    accuracy: float
    words: str
    source: str


ATTEMPTS: tuple[ReportedAttempt, ...] = (
    ReportedAttempt("rafdb", 87.22, "the code's settings, batch 64", "github.com/amirhfarzaneh/dacl/issues/7"),
    ReportedAttempt("rafdb", 86.44, "settings not said", "github.com/amirhfarzaneh/dacl/issues/8"),
    ReportedAttempt("rafdb", 86.25, "settings not said", "github.com/amirhfarzaneh/dacl/issues/8"),
    ReportedAttempt("rafdb", 85.66, "batch 128, as the paper says", "github.com/amirhfarzaneh/dacl/issues/7"),
    ReportedAttempt("affectnet", 56.80, "settings not said", "github.com/amirhfarzaneh/dacl/issues/8"),
)
"""Attempts of others, beside the paper's 87.78 and 65.20."""

TEST_PARTS = {"rafdb": "test", "affectnet": "val"}
TEST_IMAGES = {data: sum(PUBLISHED[data].splits[split]) for data, split in TEST_PARTS.items()}
"""What the tables are measured on: 3,068 images of RAF-DB's test part, 3,500 of AffectNet's validation part."""
_TABLES = {"rafdb": TABLE_1, "affectnet": TABLE_2}


def published_results(dataset: str) -> pd.DataFrame:
    """Return a table of the paper.

    Parameters
    ----------
    dataset : {"rafdb", "affectnet"}

    Returns
    -------
    pandas.DataFrame
        Indexed by method; columns ``accuracy`` and ``average_accuracy`` in percent, NaN where the paper gives none.

    Raises
    ------
    UserError
        The paper has no results on that data set.

    Examples
    --------
    >>> published_results("rafdb").loc["DACL"].tolist()
    [87.78, 80.44]
    """
    if dataset not in _TABLES:
        raise UserError(f"the paper has no results on {dataset!r}", hint=f"it has them on {' and '.join(_TABLES)}")
    table = pd.DataFrame(_TABLES[dataset], columns=list(PublishedResult._fields)).set_index("method")
    return table.astype(float)
