"""The file of orders: what was written is read, and what cannot be read is put aside, never lost."""

import logging
from pathlib import Path

import pytest

from fedns.control.keeping import DrainOrder, Keeper, Kept, RefusedOrderError, read, write

KEPT = Kept(drains=(DrainOrder(target="eu1/a", force=True, since=1.5, stopped=2.5), DrainOrder(target="us1", since=3)))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The content is replaced as a whole, and nothing else stays behind."""
    assert read(tmp_path / "state") == Kept()
    write(tmp_path / "state", Kept())
    write(tmp_path / "state", KEPT)
    assert read(tmp_path / "state") == KEPT
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"drains": 3}', b'{"format": 2}'])
def test_what_cannot_be_read_is_put_aside(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told, kept for people under another name, and fedns starts without it."""
    (tmp_path / "state").write_bytes(content)
    with caplog.at_level(logging.ERROR):
        assert read(tmp_path / "state") == Kept()
    assert "no drain and no migration that it keeps is in force" in caplog.text
    assert (tmp_path / "state.broken").read_bytes() == content


def test_a_folder_is_no_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be opened is told, and left as it is."""
    assert read(tmp_path) == Kept()
    assert "no drain and no migration that it keeps is in force" in caplog.text
    assert tmp_path.is_dir()


def test_a_keeper_changes_what_it_can_keep(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An order that cannot be kept is refused; what came of orders holds even where it cannot be kept."""
    keeper = Keeper()
    with pytest.raises(RefusedOrderError, match=r"add state: \{path"):
        keeper.order(drains=KEPT.drains)
    keeper.note(drains=KEPT.drains[:1])
    assert keeper.kept.drains == KEPT.drains[:1]
    keeper.use(str(tmp_path / "missing" / "state"))
    assert keeper.kept == Kept()
    with pytest.raises(RefusedOrderError, match="cannot be written: No such file"):
        keeper.order(drains=KEPT.drains)
    keeper.note(drains=KEPT.drains)
    assert "cannot be written" in caplog.text
    keeper.use(str(tmp_path / "state"))
    keeper.order(drains=KEPT.drains)
    keeper.use(str(tmp_path / "state"))
    assert keeper.kept == read(tmp_path / "state") == KEPT
