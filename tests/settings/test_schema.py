"""Settings as values."""

import pytest

from fedns.settings.schema import Address


@pytest.mark.parametrize(
    ("address", "text"), [(Address("127.0.0.1", 53), "127.0.0.1:53"), (Address("::", 53), "[::]:53")]
)
def test_addresses_are_written_as_in_the_file(address: Address, text: str) -> None:
    """IPv6 stands in brackets."""
    assert str(address) == text
