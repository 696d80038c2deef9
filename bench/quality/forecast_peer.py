"""Day-ahead load by scikit-learn's gradient boosting, from the lags that bench/quality's own forecasts may use.

Reads a list of series as JSON: {values: hours from a midnight on (null: not known), first: the first hour to be
forecast, fold: hours after which it is fitted anew}. Writes for each the WAPE with absolute and with squared error as
the loss. At each midnight only what was before it is known, as for bench/quality.
"""

import json
import sys

import numpy
from sklearn.ensemble import HistGradientBoostingRegressor

DAY = 24
WEEK = 7 * DAY


def lagged(values: numpy.ndarray, hours: int) -> numpy.ndarray:
    return numpy.concatenate([numpy.full(hours, numpy.nan), values[:-hours]])


def features(values: numpy.ndarray) -> numpy.ndarray:
    """The same hour of the days and weeks before, means of weeks around the hour, levels, hour and weekday."""
    columns = [lagged(values, DAY * day) for day in range(1, 8)]
    columns += [lagged(values, WEEK * week) for week in (2, 3, 4)]
    padded = numpy.pad(values, 1, constant_values=numpy.nan)
    around = numpy.nansum([0.25 * padded[:-2], 0.5 * values, 0.25 * padded[2:]], axis=0)
    columns += [numpy.mean([lagged(around, WEEK * week) for week in range(1, weeks + 1)], axis=0) for weeks in (4, 8)]
    days = values.reshape(-1, DAY)
    for window in (1, 7, 28):
        level = [numpy.mean(days[at - window : at]) if at >= window else numpy.nan for at in range(len(days))]
        columns.append(numpy.repeat(level, DAY))
    hours = numpy.arange(len(values))
    columns += [hours % DAY, hours // DAY % 7]
    return numpy.column_stack(columns)


def wape(values: numpy.ndarray, first: int, fold: int, loss: str) -> float:
    x = features(values)
    errors = total = 0.0
    for begin in range(first, len(values), fold):
        end = min(begin + fold, len(values))
        known = numpy.arange(4 * WEEK, begin)
        known = known[numpy.isfinite(values[known])]
        model = HistGradientBoostingRegressor(loss=loss, max_iter=150, learning_rate=0.05, random_state=0)
        model.fit(x[known], values[known])
        came, forecast = values[begin:end], numpy.maximum(0, model.predict(x[begin:end]))
        ours = numpy.isfinite(came)
        errors += numpy.abs(came - forecast)[ours].sum()
        total += came[ours].sum()
    return errors / total


def main() -> None:
    answer = []
    for series in json.load(sys.stdin):
        values = numpy.array(series["values"], dtype=float)
        answer.append([wape(values, series["first"], series["fold"], loss) for loss in ("absolute_error", "squared_error")])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
