"""Crontabs become tasks files that do what cron did."""

from __future__ import annotations

import random
import subprocess
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import reference_crontab
from reference_cron import Reference, changes

from arrcli.config.crontab.toml import Imported, as_toml
from arrcli.config.load import parse
from arrcli.model.instant import from_datetime, to_datetime
from arrcli.model.task import Task, TasksFile

HERE = "Europe/Berlin"


def imported(text: str, *, system: bool = False) -> Imported:
    return as_toml(text.encode(), system=system)


def loaded(made: Imported) -> TasksFile:
    file = parse(made.text, "/srv/app/tasks.toml", machine_zone=HERE, cpu_count=2)
    assert tuple(file.tasks) == made.tasks
    return file


def only(text: str, *, system: bool = False) -> Task:
    (task,) = loaded(imported(text, system=system)).tasks.values()
    return task


def remarks(text: str, *, system: bool = False) -> list[str]:
    return [f"line {one.line}: {one.text}" for one in imported(text, system=system).remarks]


# -- one entry


def test_an_entry_is_a_shell_command_at_the_same_time() -> None:
    task = only("30 2\t* * mon-fri   /usr/local/bin/backup.sh  --full > /dev/null\n")
    assert (task.name, task.func) == ("backup", "arrcli.shell.run")
    assert task.args == ("/usr/local/bin/backup.sh  --full > /dev/null",)
    assert task.kwargs == {}
    assert (task.schedule_text, task.timezone) == ("30 2 * * mon-fri", HERE)


def test_what_cron_does_besides_is_done_too() -> None:
    task = only("@daily backup\n")
    assert task.on_overlap == "allow"
    assert task.limit is None
    assert task.catch_up == "skip"
    assert task.cwd == str(Path.home())


def test_the_first_percent_sign_ends_the_command_and_others_end_lines() -> None:
    task = only('0 22 * * 1-5 mail -s "It\'s 10pm" joe%Joe,%%Where are your kids?%\n')
    assert task.args == ('mail -s "It\'s 10pm" joe',)
    assert task.kwargs == {"stdin": "Joe,\n\nWhere are your kids?\n"}


def test_an_escaped_percent_sign_is_one() -> None:
    task = only("0 0 * * * date +\\%F; cat%100\\% sure\n")
    assert task.args == ("date +%F; cat",)
    assert task.kwargs == {"stdin": "100% sure\n"}


def test_a_percent_sign_at_the_end_gives_nothing_to_read() -> None:
    assert only("0 0 * * * cat%\n").kwargs == {}


def test_two_backslashes_are_one_as_in_debian_and_that_is_said() -> None:
    text = "0 0 * * * echo a\\\\b c\\d\n"
    assert only(text).args == ("echo a\\b c\\d",)
    assert remarks(text) == ["line 1: two backslashes are one, as Debian's cron has it (cronie leaves both)"]


def test_the_shell_of_the_crontab_runs_the_commands() -> None:
    task = only("SHELL=/bin/bash\n* * * * * echo {a,b}\n")
    assert task.kwargs == {"shell": "/bin/bash"}
    assert task.env == {"SHELL": "/bin/bash"}


@pytest.mark.parametrize("line", ["-0 5 * * * quiet", "0 5 * * * -n quiet", "0 5 * * * -q -n quiet"])
def test_what_some_crons_read_as_options_about_logs_and_mail_is_left_out(line: str) -> None:
    assert only(f"{line}\n").args == ("quiet",)


def test_a_crontab_with_the_line_ends_of_windows_or_a_byte_order_mark_is_read_all_the_same() -> None:
    (task,) = loaded(as_toml(b"\xef\xbb\xbf@daily a\r\n", system=False)).tasks.values()
    assert task.args == ("a",)


# -- variables


def test_variables_hold_for_the_entries_below_them() -> None:
    text = "1 * * * * a\nFOO = bar \nX=\"  y \"\n2 * * * * b\nFOO='two words'\n3 * * * * c\nFOO=\n4 * * * * d\n"
    assert [dict(task.env) for task in loaded(imported(text)).tasks.values()] == [
        {},
        {"FOO": "bar", "X": "  y "},
        {"FOO": "two words", "X": "  y "},
        {"FOO": "", "X": "  y "},
    ]


def test_variables_that_all_entries_have_stand_once() -> None:
    raw = tomllib.loads(imported("PATH=/opt/bin:/bin\n1 * * * * a\n2 * * * * b\n").text)
    assert raw["defaults"]["env"] == {"PATH": "/opt/bin:/bin"}
    assert all("env" not in task for task in raw["tasks"].values())


def test_a_variable_is_not_expanded() -> None:
    assert only("PATH=$HOME/bin\n* * * * * a\n").env == {"PATH": "$HOME/bin"}


def test_home_is_where_commands_begin() -> None:
    task = only("HOME=/srv\n* * * * * pwd\n")
    assert (task.cwd, task.env) == ("/srv", {"HOME": "/srv"})


def test_cron_tz_is_the_zone_of_the_entries_below_it() -> None:
    tasks = loaded(imported("1 1 * * * a\nCRON_TZ=America/New_York\n1 1 * * * b\nCRON_TZ=\n1 1 * * * c\n")).tasks
    assert [task.timezone for task in tasks.values()] == [HERE, "America/New_York", HERE]
    assert all(not task.env for task in tasks.values())


def test_one_cron_tz_for_all_is_the_zone_of_the_file() -> None:
    file = loaded(imported("CRON_TZ=Asia/Tokyo\n1 1 * * * a\n2 1 * * * b\n"))
    assert file.timezone == "Asia/Tokyo"


def test_tz_is_for_the_commands_and_not_for_the_times() -> None:
    text = "TZ=Asia/Tokyo\n1 1 * * * a\n"
    task = only(text)
    assert (task.timezone, task.env) == (HERE, {"TZ": "Asia/Tokyo"})
    assert remarks(text) == [
        "line 1: TZ=Asia/Tokyo: for the commands alone, as with cron; the times are in the machine's zone, or that of "
        "CRON_TZ"
    ]


def test_mail_is_not_sent_and_that_is_said_where_there_was_some() -> None:
    assert remarks('MAILTO=""\n@daily a\n') == []
    text = "MAILTO=ops@example.org\n@daily a\n"
    assert remarks(text)[0].startswith("line 1: MAILTO=ops@example.org: arr sends no mail; it keeps what a run printed")
    assert "\n# MAILTO=ops@example.org: arr sends no mail;" in imported(text).text
    assert only(text).env == {}


def test_a_command_that_speaks_of_mailto_has_it() -> None:
    tasks = loaded(imported("MAILTO=ops\n@daily mail $MAILTO\n@daily other\n")).tasks
    assert [dict(task.env) for task in tasks.values()] == [{"MAILTO": "ops"}, {}]


def test_a_random_delay_is_a_jitter() -> None:
    assert only("RANDOM_DELAY=45\n@daily a\n").jitter == 45 * 60_000_000


# -- system crontabs


def test_in_a_system_crontab_roots_entries_are_as_they_are() -> None:
    task = only("17 * * * * root cd / && run-parts --report /etc/cron.hourly\n", system=True)
    assert task.args == ("cd / && run-parts --report /etc/cron.hourly",)
    assert task.name == "run-parts-cron-hourly"


def test_other_users_entries_run_by_way_of_su_in_their_home_and_their_shell() -> None:
    text = "SHELL=/bin/bash\n@daily www-data echo 'it''s'%in\n"
    task = only(text, system=True)
    assert task.args == ("""exec su -s /bin/bash www-data -c 'cd; echo '"'"'it'"'"''"'"'s'"'"''""",)
    assert task.kwargs == {"stdin": "in\n"}
    assert remarks(text, system=True) == ["line 2: runs as www-data by way of su: arr has to run as root"]


def test_a_home_of_the_crontab_goes_with_su_too() -> None:
    task = only("HOME=/srv/x y\n@daily app ./go\n", system=True)
    assert task.args == ("exec su -s /bin/sh app -c 'HOME='\"'\"'/srv/x y'\"'\"'; export HOME; cd; ./go'",)


def test_what_su_is_given_does_what_the_line_said(tmp_path: Path) -> None:
    """`su` itself wants another user: a script in its place shows what it is asked for."""
    script = tmp_path / "su"
    script.write_text('#!/bin/sh\nshell=$2\nexport HOME=/\nexec "$shell" -c "$5"\n')
    script.chmod(0o755)
    (command,) = only("@daily app printf '%s' \"$PWD $0\" '$x' | cat\n".replace("%", "\\%"), system=True).args
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "/ /bin/sh$x"


def test_a_line_of_a_system_crontab_without_a_user_is_left() -> None:
    assert imported("@daily /usr/bin/x y\n", system=True).left == 1
    assert remarks("@daily x\n", system=True) == [
        "line 1: left as a comment: a line of a system crontab has a user in front of its command"
    ]


def test_a_system_crontab_that_is_read_as_a_users_is_noticed() -> None:
    assert remarks("@daily root /usr/bin/x\n") == [
        "line 1: its command begins with the name of a user: a system crontab is read with --system"
    ]


# -- what does not move


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("61 * * * * a", "minute 61 is above 59"),
        ("0 22-2 * * * a", 'hour range "22-2" runs backwards — write it as a list: 22-23,0-2'),
        ("0 0 30 2 * a", '"0 0 30 2 *" names no day of any year'),
        ("5/15 * * * * a", '"5/15": crons refuse a step without a range, or ignore it'),
        ("@600 a", "@600 counts from the end of the last run"),
        ("@fortnightly a", '"@fortnightly" is no macro'),
        ("* * * * * * a", "the command begins with a star: cron has five fields"),
        ("* * * * *", "it is neither an entry nor NAME = value"),
        ("hello there", "it is neither an entry nor NAME = value"),
        ('X="unclosed', "it is neither an entry nor NAME = value"),
        ("0 0 * * * %input", "nothing stands in front of its %"),
    ],
)
def test_a_line_that_does_not_move_is_named_and_stays_as_a_comment(line: str, why: str) -> None:
    made = imported(f"@daily first\n{line}\n@daily last\n")
    assert made.tasks == ("first", "last")
    assert made.left == 1
    (remark,) = made.remarks
    assert (remark.line, remark.text.startswith(f"left as a comment: {why}")) == (2, True), remark
    before, _, after = made.text.partition(f"# line 2 did not move: {why}")
    assert "[tasks.first]" in before
    assert f"\n# {line}\n" in after
    assert "[tasks.last]" in after
    loaded(made)


def test_an_unknown_zone_leaves_the_entries_below_it() -> None:
    made = imported("CRON_TZ=Europe/Rigga\n@daily a\nCRON_TZ=Europe/Riga\n@daily b\n")
    assert made.tasks == ("b",)
    assert made.remarks[0].text == (
        'left as a comment: time zone "Europe/Rigga" is unknown — did you mean "Europe/Riga"?'
    )


def test_bytes_that_are_no_text_are_left() -> None:
    made = as_toml(b"@daily a\n@daily b\xff\n", system=False)
    assert (made.tasks, made.left) == (("a",), 1)
    assert "# @daily b\\xff\n" in made.text


def test_a_step_that_is_larger_than_its_field_has_one_value() -> None:
    text = "*/90 */36 * * * a\n"
    assert only(text).schedule_text == "*/60 */24 * * *"
    assert remarks(text) == [
        'line 1: "*/90" has one value: written with a step of 60, which is all that arr takes',
        'line 1: "*/36" has one value: written with a step of 24, which is all that arr takes',
    ]


def test_a_random_time_of_cronie_stays_the_same_from_then_on() -> None:
    text = "~ 1~5 ~10 * * a\n"
    assert [spec for spec in imported(text).text.splitlines() if spec.startswith("cron")] == [
        'cron = "H H(1-5) H(1-10) * *"'
    ]
    assert len(remarks(text)) == 3


def test_reboot_is_when_arr_starts() -> None:
    task = only("@reboot /usr/bin/x\n")
    assert task.schedule is not None and task.schedule.kind == "reboot"
    assert remarks("@reboot /usr/bin/x\n")[0].startswith("line 1: @reboot is when arr starts, not the machine")


# -- names and comments


@pytest.mark.parametrize(
    ("above", "command", "name"),
    [
        ("# Nightly backup", "/x/run.sh", "nightly-backup"),
        ("#---- Müll rausbringen! ----", "/x/run.sh", "müll-rausbringen"),
        ("# m h  dom mon dow   command", "/x/run.sh", "run"),
        ("# 0 5 * * * /x/old.sh", "/x/new.sh", "new"),
        ("# PATH=/x", "/x/run.sh", "run"),
        ("# [Mein Name]", "/x/run.sh", "Mein Name"),
        ("# 2024", "/x/run.sh", "run"),
        ("", "cd /srv/app && php artisan schedule:run >> /dev/null 2>&1", "artisan-schedule-run"),
        ("", "flock -n /x.lock nice -n 19 python3 -m certbot renew", "certbot-renew"),
        ("", "test -x /x || ( cd / && run-parts --report /etc/cron.daily )", "run-parts-cron-daily"),
        ("", "A=b sudo -u app bash -c 'cd /x && ./sync_all.sh now'", "sync-all-now"),
        ("", '/usr/bin/flock -n /x.lock /srv/bin/sync --since="$(date +%F)" 2>&1 | logger -t sync', "sync"),
        ("", "flock -w 5 /x.lock -c 'cd /srv && ./push.sh all'", "push-all"),
        ("", "nice -n 19 ionice -c3 /x/reindex.py", "reindex"),
        ("", "curl -fsS https://hc-ping.com/abc", "curl-hc-ping-com"),
        ("", "perl -e 'sleep rand 9' && certbot -q renew", "certbot-renew"),
        ("", "12345", "task-12345"),
        ("", "((", "job"),
    ],
)
def test_a_name_tells_what_the_entry_is_for(above: str, command: str, name: str) -> None:
    assert imported(f"{above}\n@daily {command}\n").tasks == (name,)


def test_names_are_unique() -> None:
    assert imported("1 * * * * mail\n2 * * * * mail.sh\n# Mail\n3 * * * * x\n").tasks == ("mail", "mail-2", "mail-3")
    assert imported("# [b]\n1 * * * * x\n# [b]\n2 * * * * b\n").tasks == ("b", "b-2")


def test_comments_stay_in_front_of_what_they_are_about() -> None:
    made = imported("# The head\n\n# Backups\n# (keep them)\n0 2 * * * a\n\n\n#0 3 * * * old\n\n# The end\n")
    body = made.text.partition("commands begin at home\n")[2]
    assert body == (
        "\n# The head\n\n# Backups\n# (keep them)\n[tasks.backups]\n"
        'func = "arrcli.shell.run"\nargs = ["a"]\ncron = "0 2 * * *"\n'
        "\n# 0 3 * * * old\n\n# The end\n"
    )


def test_what_older_crons_print_above_a_crontab_is_left_out() -> None:
    head = (
        "# DO NOT EDIT THIS FILE - edit the master and reinstall.\n# (/tmp/c installed on Mon Jan 1 00:00:00 2024)\n"
        "# (Cron version -- $Id: crontab.c,v 2.13 1994/01/17 03:20:37 vixie Exp $)\n"
    )
    assert imported(f"{head}# Mine\n@daily a\n").text == imported("# Mine\n@daily a\n").text


def test_a_comment_cannot_break_out_of_its_line() -> None:
    made = as_toml(b"# a\rb\x07\x7f\x00\n@daily x\n", system=False)
    assert "# a\\x0db\\x07\\x7f\\x00\n" in made.text
    loaded(made)


def test_an_empty_crontab_is_a_file_without_tasks() -> None:
    assert loaded(imported("")).tasks == {}


def test_there_are_as_many_workers_as_entries_within_bounds() -> None:
    def workers(count: int) -> int:
        return loaded(imported("".join(f"{n} * * * * a\n" for n in range(count)))).workers

    assert [workers(1), workers(6), workers(40)] == [4, 6, 16]


# -- against a second reading


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 12))])
def test_random_crontabs_do_what_a_second_reading_says_for_two_weeks(seed: int) -> None:
    draw = random.Random(seed)
    zones = ["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
    text = reference_crontab.crontab(draw, zones, system=seed % 3 == 2)
    start = draw.choice(changes(ZoneInfo(HERE), 2025, 2026)) - timedelta(days=draw.randint(1, 13))
    agree(text, start, start + timedelta(days=14), system=seed % 3 == 2)


def agree(text: str, start: datetime, until: datetime, *, system: bool) -> None:
    expected = reference_crontab.read(text, system=system)
    tasks = list(loaded(imported(text, system=system)).tasks.values())
    assert len(tasks) == len(expected), text
    for task, started in zip(tasks, expected, strict=True):
        zone = ZoneInfo(started.env.get("CRON_TZ") or HERE)
        reference = Reference(started.expression)
        assert fires(task, start, until) == list(reference.fires(zone, start, until, tick=timedelta(minutes=1)))
        command = task.args[0]
        if started.user not in ("", "root"):
            assert command.startswith(f"exec su -s /bin/sh {started.user} -c ")
        else:
            assert command == started.command, text
        assert (task.kwargs.get("stdin") or "") == started.stdin, text
        assert dict(task.env) == {name: value for name, value in started.env.items() if name != "CRON_TZ"}


def fires(task: Task, start: datetime, until: datetime) -> list[datetime]:
    assert task.schedule is not None
    found, at, last = [], from_datetime(start), from_datetime(until)
    while (following := task.schedule.after(at)) is not None and following <= last:
        found.append(to_datetime(following))
        at = following
    return found


def test_the_second_reading_knows_what_the_manual_says() -> None:
    (started,) = reference_crontab.read("A = 'b c' \n0 22 * * 1-5  mail joe%Joe,%%Kids?%\n")
    assert (started.command, started.stdin) == ("mail joe", "Joe,\n\nKids?\n")
    assert started.env == {"A": "b c"}
    day = datetime(2025, 6, 6, tzinfo=UTC)
    friday = list(
        Reference(started.expression).fires(ZoneInfo("UTC"), day, day + timedelta(days=2), tick=timedelta(minutes=1))
    )
    assert friday == [datetime(2025, 6, 6, 22, tzinfo=UTC)]


def test_any_bytes_become_a_file_that_loads() -> None:
    draw = random.Random(7)
    words = "* |0 |@daily |\n|#|=|'|\"|%|\\|\0|a|SHELL|~|HOME=|[x]|\r|MAILTO=|CRON_TZ=UTC\n|\x1b|\u202e|/9 |\t|su "
    parts = [b"\xff", *(word.encode() for word in words.split("|"))]
    for _ in range(300):
        data = b"".join(draw.choice(parts) for _ in range(draw.randint(0, 40)))
        loaded(as_toml(data, system=draw.random() < 0.3))
