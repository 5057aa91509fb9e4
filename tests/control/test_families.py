"""Metric families from plain values."""

from fedns.control.families import counter, gauge


def test_families_have_names_labels_and_values() -> None:
    """The prefix is ours, and each set of labels has its number."""
    (sample,) = gauge("things", "What there is.", ("kind",), {("small",): 3}).samples
    assert (sample.name, sample.labels, sample.value) == ("fedns_things", {"kind": "small"}, 3)
    (sample,) = counter("things", "What there was.", (), {(): 4}).samples
    assert (sample.name, sample.labels, sample.value) == ("fedns_things_total", {}, 4)
