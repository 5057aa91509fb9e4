"""Metric families from plain values: a name, a help text, and one number for each set of labels."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Labels = TypeVar("Labels", bound=tuple[str, ...])


def gauge(name: str, text: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    """What goes up and down; the name gets the prefix fedns_."""
    family = GaugeMetricFamily(f"fedns_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def counter(name: str, text: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    """What only rises; the name gets the prefix fedns_ and the suffix _total."""
    family = CounterMetricFamily(f"fedns_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family
