"""Question 4: the comparison of two methods over seeds."""

from __future__ import annotations

import math
import statistics

import torch
from course.solutions.usual import members, overwrites_an_input, usual
from scipy import stats

from dacl_edu_course.questions import a5_island as questions


def right_compare(first, second):
    d = first - second
    error = d.std() / len(d) ** 0.5 if len(d) > 1 else torch.tensor(math.nan)
    return {"difference": d.mean(), "standard_error": error}


def _error(first, second, error):
    return {"difference": (first - second).mean(), "standard_error": error}


class Comparisons:
    """Wrong answers to question 4."""

    def second_minus_first(first, second):
        return right_compare(second, first)

    def absolute_difference(first, second):
        d = (first - second).abs()
        return right_compare(d, torch.zeros_like(d))

    def n_in_place_of_n_minus_1(first, second):
        d = first - second
        return _error(first, second, d.std(correction=0) / len(d) ** 0.5 if len(d) > 1 else math.nan)

    def not_paired(first, second):
        return _error(first, second, ((first.var() + second.var()) / len(first)) ** 0.5)

    def difference_of_the_deviations(first, second):
        return _error(first, second, (first.std() - second.std()).abs() / len(first) ** 0.5)

    def standard_deviation(first, second):
        return _error(first, second, (first - second).std())

    def variance(first, second):
        return _error(first, second, (first - second).var() / len(first))

    def divides_by_n(first, second):
        return _error(first, second, (first - second).std() / len(first))

    def divides_by_the_root_of_n_minus_1(first, second):
        return _error(first, second, (first - second).std() / (len(first) - 1) ** 0.5 if len(first) > 1 else math.nan)

    def half_of_an_interval(first, second):
        return _error(first, second, 1.96 * right_compare(first, second)["standard_error"])

    def sorted_first(first, second):
        return right_compare(first.sort().values, second.sort().values)

    def zero_for_a_single_seed(first, second):
        return _error(first, second, (first - second).std() / len(first) ** 0.5 if len(first) > 1 else 0.0)

    def fails_for_a_single_seed(first, second):
        d = first - second
        variance = sum((float(v) - float(d.mean())) ** 2 for v in d) / (len(d) - 1)
        return _error(first, second, (variance / len(d)) ** 0.5)

    def best_seed(first, second):
        return {**right_compare(first, second), "difference": first.max() - second.max()}

    def medians(first, second):
        return {**right_compare(first, second), "difference": (first - second).median()}

    def in_percent(first, second):
        return right_compare(100 * first, 100 * second)

    def forgot_the_error(first, second):
        return {"difference": (first - second).mean()}

    def pair_of_numbers(first, second):
        return tuple(right_compare(first, second).values())

    def error_of_each_seed(first, second):
        return _error(first, second, (first - second - (first - second).mean()).abs())

    def package(first, second):
        from dacl_edu.evaluation.significance import seeds_interval

        low, middle, _ = seeds_interval(first - second)
        return {"difference": middle, "standard_error": (middle - low) / float(stats.t.ppf(0.975, len(first) - 1))}


class RightComparisons:
    def loops_and_floats(first, second):
        d = [float(p) - float(q) for p, q in zip(first, second, strict=True)]
        if len(d) == 1:
            return {"difference": d[0], "standard_error": float("nan")}
        return {"difference": statistics.fmean(d), "standard_error": statistics.stdev(d) / math.sqrt(len(d))}

    def by_squares(first, second):
        d = first.double() - second.double()
        n, middle = len(d), d.mean()
        squares = torch.einsum("s,s->", d - middle, d - middle)
        return {"difference": middle, "standard_error": (squares / (n * (n - 1))).sqrt()}  # 0/0 is nan for one seed

    def with_more_entries(first, second):
        return {**right_compare(first, second), "seeds": len(first), "differences": first - second}


USUAL = usual(right_compare, questions.compare, [overwrites_an_input])
WRONG = members(Comparisons) + [answer for answer in USUAL if answer.__name__ != "returns_lists"]
RIGHT = [right_compare, *members(RightComparisons)]
