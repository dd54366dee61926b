"""A user's file is replaced whole, and as it was: mode, owner, attributes, links."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest

from arrcli.errors import ArrError, NotFoundError
from arrcli.host.rewrite import rewrite


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_new_content_takes_the_place_of_the_old_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o604)
    with file.open("rb") as reading:
        rewrite(file, lambda before: before + b", new")
        assert reading.read() == b"old"  # whoever had it open has the old one whole
    assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (b"old, new", 0o604)
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    os.chown(file, 1234, 4321)
    rewrite(file, lambda before: b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 4321)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_file_whose_owner_would_change_is_left_alone() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        file = Path(folder) / "file"
        file.write_bytes(b"old")
        file.chmod(0o644)
        said = _as_user(1234, lambda: rewrite(file, lambda before: b"new"))
        assert said == (f"ArrError: {file} cannot be replaced as it is: Operation not permitted; nothing was written")
        assert (file.read_bytes(), file.stat().st_uid, names(file.parent)) == (b"old", 0, ["file"])


def _as_user(uid: int, act: object) -> str:
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing"
        try:
            os.setuid(uid)
            act()  # type: ignore[operator]
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(into, said.encode())
        os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    with os.fdopen(out) as told:
        return told.read()


def test_attributes_stay_where_the_file_system_has_them(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    try:
        os.setxattr(file, "user.note", b"mine")
    except OSError:
        pytest.skip("no attributes here")
    rewrite(file, lambda before: b"new")
    assert os.getxattr(file, "user.note") == b"mine"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "one").symlink_to("real")
    (tmp_path / "two").symlink_to("one")
    rewrite(tmp_path / "two", lambda before: b"new")
    assert (tmp_path / "two").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_what_the_change_raises_leaves_everything_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        rewrite(file, lambda before: bytes(1 // 0))
    assert (file.read_bytes(), names(tmp_path)) == (b"old", ["file"])


def test_the_same_content_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    before = file.stat()
    rewrite(file, lambda content: content)
    assert file.stat() == before


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ArrError, match="is not a regular file"):
        rewrite(tmp_path / "fifo", bytes)
    with pytest.raises(ArrError, match="is not a regular file"):
        rewrite(tmp_path, bytes)
    with pytest.raises(NotFoundError):
        rewrite(tmp_path / "nothing", bytes)


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    threads = [threading.Thread(target=lambda: rewrite(file, lambda before: before + b"x")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read_bytes() == b"x" * 20
