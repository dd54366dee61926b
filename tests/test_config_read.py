"""Files that are no tasks files: one clear sentence each, no traceback, no wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from arrcli.config.load import load, parse
from arrcli.errors import ArrError, ConfigError, NotFoundError


def said_of(path: Path | str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, machine_zone="UTC")
    return str(caught.value)


def said(content: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    data = content.encode() if isinstance(content, str) else content
    Path("tasks.toml").write_bytes(data)
    return said_of("tasks.toml").split("\n")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(NotFoundError) as caught:
        load("nowhere/tasks.toml")
    assert str(caught.value) == "no tasks file nowhere/tasks.toml — make one with: arr init"
    assert caught.value.exit_code == 4


def test_a_folder(tmp_path: Path) -> None:
    assert said_of(tmp_path) == f"{tmp_path} is a folder — name the tasks file in it, as {tmp_path}/tasks.toml"


def test_a_fifo_and_a_device_are_refused_without_waiting(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert said_of(fifo) == f"{fifo} is not a regular file — give the path of a TOML file"
    assert said_of("/dev/null") == "/dev/null is not a regular file — give the path of a TOML file"


def test_links_that_go_in_a_circle(tmp_path: Path) -> None:
    link = tmp_path / "tasks.toml"
    link.symlink_to(link)
    assert said_of(link) == f"{link} cannot be read: its links go round in a circle — give the file itself"


def test_a_path_with_a_nul() -> None:
    assert said_of("a\0b") == "ab cannot be read: no such name is possible — give the path of a TOML file"


def test_a_file_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:  # root could read any real file
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert said_of("t.toml") == "t.toml cannot be read: permission denied — see its mode with: ls -l t.toml"


def test_a_linked_file_is_read_where_it_really_stands(tmp_path: Path) -> None:
    real = tmp_path / "app"
    real.mkdir()
    (real / "tasks.toml").write_text("")
    (tmp_path / "link.toml").symlink_to(real / "tasks.toml")
    file = load(tmp_path / "link.toml", machine_zone="UTC")
    assert (file.path, file.python_path) == (str(real / "tasks.toml"), (str(real),))


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse("\ufeff[arr]\nworkers = 2", "t.toml", machine_zone="UTC").workers == 2


def test_windows_line_ends_are_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_bytes(b'\xef\xbb\xbf[arr]\r\nworkers = 3\r\ntimezone = "UTC"\r\n')
    assert load(path).workers == 3


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    assert said_of(path) == f"{path} is larger than 32 MiB — this is hardly a tasks file"


def test_text_in_another_coding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("a = 1".encode("utf-16"), tmp_path, monkeypatch) == [
        "tasks.toml is UTF-16, not UTF-8 — save it as UTF-8"
    ]
    assert said("# ok\n# größe\n".encode("latin-1"), tmp_path, monkeypatch) == [
        "tasks.toml:2:5: the byte 0xf6 is not UTF-8 — save the file as UTF-8",
        "    2 | # gr\ufffd\ufffde",
        "1 error in tasks.toml; nothing was started.",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = b", "1:5: this is no value — text needs quotes, as \"text\"; truth is true or false"),
        ("[arr]\nworkers = 1\nworkers = 2\n", "3:1: this key or table is there twice — remove one"),
        ("[tasks.a]\n[tasks.a]", "2:9: this table is there twice — rename or remove one"),
        ("a = { b = 1, b = 2 }", "1:19: this key is there twice — remove one"),
        ("at = 2026-02-30T00:00:00", "1:6: there is no such date or time — write 2026-01-31T09:00:00"),
        ("at = 2026-13-01T00:00:00", "1:10: there is no such date or time — write 2026-01-31T09:00:00"),
        ('a = "x', "1:7: a text is not closed — its quotes must end it"),
        ('a = "x\nb = 1', "1:7: a text is not closed on its line — its quotes must end it"),
        ("a", "1:2: a key without a value — write key = value"),
        ("[tasks.x", "1:9: a table's name is not closed — write [tasks.name]"),
        ('a = "C:\\dir"', "1:10: a lone backslash — write \\\\ for one, or the text in 'single quotes'"),
        ("a = 1 2", "1:7: something follows the value — write one key = value a line"),
        ("a = \0", "1:5: this is no value — text needs quotes, as \"text\"; truth is true or false"),
        ('a = "\0"', "1:6: a control character cannot stand here — remove it"),
        ("x = " + "1" * 5000, "1:5: a number of thousands of digits — write it in quotes"),
    ],
)  # fmt: skip
def test_text_that_is_not_toml(text: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said(text, tmp_path, monkeypatch)
    assert lines[0] == f"tasks.toml:{fault}"
    assert lines[-1] == "1 error in tasks.toml; nothing was started."


def test_lists_that_are_nested_too_deeply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("a = " + "[" * 5000 + "]" * 5000, tmp_path, monkeypatch) == [
        "tasks.toml: lists or tables are nested too deeply — a few levels are enough",
        "1 error in tasks.toml; nothing was started.",
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("args = " + "[" * 60 + "]" * 60, "lists and tables are nested over 50 deep — "
         "flatten them, or pass text"),
        ("kwargs." + ".".join("a" * 4000) + " = 1", "lists and tables are nested over 50 deep"),
        ("args = [0x" + "f" * 9000 + "]", "a number of over a thousand digits — write it in quotes"),
        ("retries = 0x" + "f" * 9000, "such a number is above the most, 2147483647"),
        ("timeout = 0x" + "f" * 9000, "such a number seconds is over a hundred years"),
        ("max_output = 0x" + "f" * 9000, "such a number is not a size"),
        ("timezone = '../../etc/passwd'", 'time zone "../../etc/passwd" is unknown'),
        ("timezone = '" + "x" * 100_000 + "'", "is unknown — write an IANA name"),
        ("cron = '" + "1," * 50_000 + "'", "characters"),
        ("timeout = '" + "1h" * 50_000 + "'", "is not a duration — write 90s, 5m, 1h30m, 2d"),
        ("on_overlap = ['skip']", "a list is not one of skip, queue, replace, allow"),
        ('timezone = "\\u001b[2J"', 'time zone "" is unknown'),
    ],
    ids=lambda value: value[:24],
)  # fmt: skip
def test_values_that_no_one_writes_by_hand(line: str, fault: str) -> None:
    with pytest.raises(ArrError) as caught:
        parse(f'[tasks.x]\nfunc = "j.x"\n{line}', "tasks.toml", machine_zone="UTC")
    lines = str(caught.value).split("\n")
    assert fault in lines[0]
    assert "\x1b" not in str(caught.value)
    assert all(len(line) < 500 for line in lines)
