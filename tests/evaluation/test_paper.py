"""The paper's tables, as it prints and quotes them."""

from __future__ import annotations

import pytest

from dacl_edu.errors import UserError
from dacl_edu.evaluation.paper import TABLE_1, TABLE_2, published_results


def test_the_tables_have_the_papers_rows() -> None:
    assert (len(TABLE_1), len(TABLE_2)) == (13, 9)
    for table in (TABLE_1, TABLE_2):
        assert table[-1].method == "DACL"
        assert max(table, key=lambda row: row.accuracy).method == "DACL"


def test_what_the_text_says_is_in_the_tables() -> None:
    rafdb, affectnet = published_results("rafdb"), published_results("affectnet")
    assert rafdb.loc["DACL"].tolist() == [87.78, 80.44]
    assert affectnet.loc["DACL", "accuracy"] == 65.20
    for table in (rafdb, affectnet):  # "improves both baselines by a larger margin than center loss over softmax loss"
        softmax, center, dacl = table.loc[["softmax loss", "center loss", "DACL"], "accuracy"]
        assert dacl - center > center - softmax > 0


def test_missing_averages_are_missing_and_another_data_set_is_refused() -> None:
    assert published_results("rafdb")["average_accuracy"].isna().sum() == 5
    assert published_results("affectnet")["average_accuracy"].isna().all()
    with pytest.raises(UserError, match="rafdb and affectnet"):
        published_results("bundled")
