"""The command line's short verbs, on real files, without a daemon."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from command_line import arr, here

TASKS = """
[arr]
timezone = "Europe/Riga"
workers = 1
[tasks.nightly]
func = "jobs.nightly"
kwargs = { region = "eu" }
cron = "30 2 * * *"
[tasks.by-hand]
func = "jobs.mail"
"""
JOBS = """
def nightly(region): print("nightly", region)
def mail(to="nobody", copies=1):
    print("mail to", to, copies)
    return copies
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.toml").write_text(TASKS)
    (tmp_path / "jobs.py").write_text(JOBS)
    return tmp_path


def test_help_lists_the_verbs_in_four_panels(tmp_path: Path) -> None:
    said = arr(tmp_path, "--help")
    assert said.code == 0
    for words in ("\nrun:", "\nlook:", "\nact:", "\nset up:", "  enqueue "):
        assert words in said.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("runs --json", 0),
        ("lisst", 2),
        ("show 99", 4),
        ("check faulty.toml", 65),
    ],
)
def test_the_program_says_what_these_tests_ask_within_their_own_process(folder: Path, words: str, code: int) -> None:
    (folder / "faulty.toml").write_text("[nonsense")
    said = arr(folder, *words.split())
    assert said == here(folder, *words.split())
    assert said.code == code and "Traceback" not in said.err


def test_without_a_file_a_verb_points_at_init(tmp_path: Path) -> None:
    said = here(tmp_path, "list")
    assert (said.code, said.err) == (4, "arr: there is no tasks.toml here; make one with: arr init\n")
    assert here(tmp_path, "run", "--plain").code == 4


def test_init_writes_a_file_that_check_finds_whole_and_never_replaces_one(tmp_path: Path) -> None:
    assert here(tmp_path, "init").code == 0
    said = here(tmp_path, "check")
    assert said.code == 0, said.err
    assert "all callables found" in said.err
    assert here(tmp_path, "init").code == 2
    assert here(tmp_path, "init", "--force").code == 0


def test_a_file_with_faults_tells_them_all_with_their_places_and_exits_65(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text('[tasks.a]\nfunc = "m.f"\nretrys = 3\ncron = "0 25 * * *"\n')
    said = here(tmp_path, "check")
    assert said.code == 65
    assert 'tasks.toml:3:1: tasks.a: unknown key "retrys" — did you mean "retries"?' in said.err
    assert "tasks.toml:4:8: tasks.a.cron: hour 25 is above 23" in said.err
    assert said.err.endswith("2 errors in tasks.toml; nothing was started.\n")
    assert here(tmp_path, "check", "--json").json["error"]["kind"] == "config"


def test_check_names_what_cannot_run(folder: Path) -> None:
    (folder / "jobs.py").write_text("def nightly(country): pass\n")
    said = here(folder, "check", "--json")
    assert said.code == 1
    found = {one["task"]: one for one in said.json["tasks"]}
    assert not found["nightly"]["ok"]
    assert "country" in found["nightly"]["error"]
    assert len(found["nightly"]["next"]) == 3
    assert not found["by-hand"]["ok"]
    assert "mail" in found["by-hand"]["error"]


def test_looking_never_makes_a_store(folder: Path) -> None:
    for words in (["list"], ["runs"], ["status"], ["list", "--json"]):
        here(folder, *words)
    assert not (folder / ".arr").exists()


def test_list_shows_what_comes_next_and_why_the_others_are_idle(folder: Path) -> None:
    listed = here(folder, "list", "--json").json
    assert [one["task"] for one in listed["upcoming"]] == ["nightly"]
    assert listed["upcoming"][0]["kind"] == "cron"
    assert listed["idle"] == [{"task": "by-hand", "why": "by hand"}]
    assert listed["timezone"] == "Europe/Riga"
    assert "EET" in here(folder, "list").out or "EEST" in here(folder, "list").out


CHAINS = """
[arr]
timezone = "Europe/Riga"
[tasks.load]
func = "jobs.mail"
cron = "30 2 * * *"
[tasks.backup]
func = "jobs.mail"
cron = "30 2 * * *"
[tasks.often]
func = "jobs.mail"
cron = "*/5 * * * *"
[tasks.report]
func = "jobs.mail"
after = ["load"]
[tasks.alarm]
func = "jobs.mail"
after = ["load", "backup"]
after_policy = "failure"
[tasks.mail]
func = "jobs.mail"
after = ["report"]
"""


def test_a_slip_in_a_verb_or_a_name_is_answered_with_the_nearest(folder: Path) -> None:
    def said(*words: str) -> tuple[int, str]:
        answer = here(folder, *words)
        return answer.code, answer.err.splitlines()[0]

    assert said("shwo", "1") == (2, "arr: there is no command 'shwo'; did you mean arr show?")
    assert said("frobnicate") == (2, "arr: there is no command 'frobnicate'; see them with: arr --help")
    file = folder / "tasks.toml"
    assert said("list", "nigtly") == (4, f"arr: no task 'nigtly' in {file}; did you mean nightly?")
    assert said("show", "nigtly") == (4, f"arr: no task 'nigtly' in {file}; did you mean nightly?")


def test_the_timeline_is_as_wide_as_the_terminal_and_marks_what_fires_together(folder: Path) -> None:
    hour = (datetime.now(ZoneInfo("Europe/Riga")) + timedelta(hours=3)).hour
    (folder / "tasks.toml").write_text(CHAINS.replace("30 2 * * *", f"30 {hour} * * *"))
    here(folder, "pause", "backup")
    lines = here(folder, "list", "--timeline").out.splitlines()
    assert lines[0].startswith("next 24 h from ") and lines[0].endswith(", one cell = 20m")
    assert [(line.split()[0], line.count("▪"), line.count("▫")) for line in lines[2:4]] == [
        ("load", 1, 0),
        ("backup", 0, 1),
    ]
    assert lines[2].index("▪") == lines[3].index("▫")
    assert lines[4].startswith("often   ") and lines[4].count("■") >= 71
    assert max(map(len, lines[:5])) <= 80
    here(folder, "resume", "backup")
    lines = here(folder, "list", "--timeline", "--ascii", COLUMNS="130").out.splitlines()
    assert lines[0].endswith(", one cell = 15m")
    assert lines[2].index("*") == lines[3].index("*")
    assert lines[6].startswith("* 2 at ") and lines[6].endswith(": backup, load")
    assert all(line.isascii() for line in lines)
    drawn = here(folder, "list", "often", "--timeline", "--json").json
    assert ([row["task"] for row in drawn["rows"]], drawn["cell_s"], drawn["together"]) == (["often"], 1200, [])
    assert set(drawn["rows"][0]["cells"]) <= {"often", "once", "none"}


def test_the_graph_is_a_tree_in_which_a_task_after_several_stands_whole_below_the_first(folder: Path) -> None:
    (folder / "tasks.toml").write_text(CHAINS)
    assert here(folder, "list", "--graph").out.splitlines() == [
        "TASK        STARTS                       LAST",
        "load        30 2 * * *",
        "├─ report   when load succeeded",
        "│  └─ mail  when report succeeded",
        "└─ alarm    when load and backup failed",
        "backup      30 2 * * *",
        "└─ alarm    when load and backup failed  (see above)",
    ]
    assert here(folder, "list", "mail", "--graph", "--ascii").out.splitlines()[3] == "|  `- mail  when report succeeded"
    assert here(folder, "list", "--graph", "--json").json["chains"][0] == {
        "task": "report",
        "after": ["load"],
        "after_policy": "success",
    }
    assert here(folder, "list", "--graph", "--timeline").code == 2
    (folder / "tasks.toml").write_text(TASKS)
    assert 'the key is: after = ["NAME"]' in here(folder, "list", "--graph").err


def test_on_a_narrow_terminal_the_board_is_cut_where_it_matters_least(folder: Path) -> None:
    long = TASKS.replace('cron = "30 2 * * *"', 'cron = ["30 2 * * *", "0 3 1-7 * MON-FRI", "15 4 * * SAT,SUN"]')
    (folder / "tasks.toml").write_text(long)
    lines = here(folder, "list", COLUMNS="60").out.splitlines()
    assert lines[0].split()[:6] == ["NEXT", "IN", "TASK", "SCHEDULE", "LAST,", "OR"]
    assert "nightly  30 2 * * *; " in lines[1] and lines[1].endswith("…")
    assert max(map(len, lines)) <= 60
    assert [line.split(maxsplit=1) for line in lines[2:3]] == [["by-hand", "by hand"]]


def test_on_a_narrow_terminal_what_waits_says_why_where_the_others_say_how_they_went(folder: Path) -> None:
    (folder / "tasks.toml").write_text(
        TASKS + '\n[tasks."a name as long as a table is wide, or even longer"]\nfunc = "jobs.mail"\n'
    )
    here(folder, "pause", "nightly")
    here(folder, "enqueue", "nightly")
    here(folder, "enqueue", "by-hand", "--in", "1h")
    here(folder, "enqueue", "a name as long as a table is wide, or even longer")
    lines = here(folder, "list", COLUMNS="80").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert next(line for line in lines if "run 2" in line).split()[-3:] == ["by-hand", "run", "2"]
    assert next(line for line in lines if line.endswith("paused")).split()[0] == "nightly"
    lines = here(folder, "runs", COLUMNS="80").out.splitlines()
    assert lines[0].split() == ["ID", "TASK", "DUE", "STATE", "TOOK", "WHY"]
    assert re.match(r"3   a name as long as a table is wide.*…  \d\d:\d\d(:\d\d)? EES?T  pending$", lines[1])
    assert here(folder, "runs", COLUMNS="130").out.split()[:7] == [
        "ID",
        "TASK",
        "DUE",
        "ORIGIN",
        "STATE",
        "TOOK",
        "WHY",
    ]


def test_enqueue_prints_the_id_alone_and_the_sentence_beside_it(folder: Path) -> None:
    said = here(folder, "enqueue", "by-hand", "to=ops", "copies:=2")
    assert said.out == "1\n"
    assert 'queued run 1  by-hand(to="ops", copies=2)  now' in said.err
    assert "no daemon is running" in said.err
    run = here(folder, "show", "1", "--json").json["run"]
    assert run["kwargs"] == {"to": "ops", "copies": 2}
    assert (run["state"], run["origin"], run["attempts"]) == ("pending", "enqueued", [])


def test_enqueued_values_are_json_where_they_are_json_and_text_elsewhere(folder: Path) -> None:
    here(folder, "enqueue", "math.factorial", "5")
    here(folder, "enqueue", "math.factorial", "-5")
    here(folder, "enqueue", "math.factorial", "five", "[1, 2]", "NaN", "a b=c")
    newest_first = here(folder, "runs", "--json").json["runs"]
    assert [run["args"] for run in newest_first] == [["five", [1, 2], "NaN", "a b=c"], [-5], [5]]


def test_enqueue_at_a_past_time_runs_at_once_and_says_so(folder: Path) -> None:
    said = here(folder, "enqueue", "by-hand", "--at", "2025-01-01T00:00")
    assert "at once: Wed 2025-01-01 00:00 EET is past" in said.err
    assert here(folder, "enqueue", "by-hand", "--at", "2025-01-01T00:00", "--no-past").code == 2


def test_a_key_is_queued_once_while_it_is_pending(folder: Path) -> None:
    first = here(folder, "enqueue", "by-hand", "--key", "k", "--in", "1h")
    second = here(folder, "enqueue", "by-hand", "--key", "k")
    assert first.out == second.out == "1\n"


def test_what_cannot_be_queued_is_refused_before_it_is(folder: Path) -> None:
    assert here(folder, "enqueue", "by-hnd").err.startswith("arr: no task 'by-hnd'")
    assert "did you mean 'mail'? jobs.py defines: mail, nightly" in here(folder, "enqueue", "jobs.mial").err
    assert here(folder, "enqueue", "by-hand", "n:=nope").code == 2
    assert here(folder, "enqueue", "by-hand", "--at", "someday").code == 2
    waited = here(folder, "enqueue", "by-hand", "--wait")
    assert (waited.code, waited.out) == (3, "")
    assert here(folder, "runs", "--json").json["runs"] == []


def test_allow_bounds_which_paths_are_queued(folder: Path) -> None:
    (folder / "tasks.toml").write_text(TASKS.replace("workers = 1", 'workers = 1\nallow = ["jobs.*"]'))
    assert here(folder, "enqueue", "jobs.mail").code == 0
    assert here(folder, "enqueue", "os.getcwd").code == 1


def test_cancel_and_retry_by_id_and_by_task(folder: Path) -> None:
    here(folder, "enqueue", "by-hand", "--in", "1h")
    here(folder, "enqueue", "by-hand", "--in", "1h")
    assert here(folder, "cancel", "1").code == 0
    assert here(folder, "cancel", "by-hand", "--yes", "--json").json["runs"][0]["state"] == "cancelled"
    assert here(folder, "cancel", "1").code == 2
    assert here(folder, "cancel", "77").code == 4
    retried = here(folder, "retry", "1", "--json").json["run"]
    assert (retried["id"], retried["retry_of"], retried["origin"]) == (3, 1, "retry")
    assert here(folder, "retry", "3").code == 2


def test_pause_without_a_daemon_is_seen_by_list(folder: Path) -> None:
    assert here(folder, "pause", "nightly", "--note", "new disk").code == 0
    assert here(folder, "list", "--json").json["idle"][0] == {"task": "nightly", "why": "paused: new disk"}
    assert here(folder, "resume", "--all").code == 0
    assert [one["task"] for one in here(folder, "list", "--json").json["upcoming"]] == ["nightly"]
    assert here(folder, "pause", "nigtly").err == (
        f"arr: no task 'nigtly' in {folder / 'tasks.toml'}; did you mean nightly?\n"
    )
    assert here(folder, "pause").code == 2


def test_next_gives_instants_in_utc_and_needs_an_end_for_all_of_them(tmp_path: Path) -> None:
    words = ("next", "30 1 * * *", "--tz", "America/New_York", "--after", "2026-11-01T00:00", "-n", "2", "--json")
    assert here(tmp_path, *words).json == {
        "schema_version": 1,
        "expression": "30 1 * * *",
        "timezone": "America/New_York",
        "fires": ["2026-11-01T05:30:00.000000Z", "2026-11-02T06:30:00.000000Z"],
    }
    assert here(tmp_path, "next", "* * * * *", "-n", "0").code == 2
    assert here(tmp_path, "next", "0 25 * * *").err.startswith("arr: hour 25 is above 23")


def test_explain_tells_field_by_field_why_a_time_is_no_slot_and_when_the_next_is(folder: Path) -> None:
    said = here(folder, "explain", "nightly", "--at", "2031-03-01T02:31")
    assert said.code == 0
    assert said.out.splitlines()[2].startswith("Sat 2031-03-01 02:31 EET (in ")
    assert said.out.splitlines()[2].endswith("): it has no slot then")
    assert said.out.splitlines()[3:8] == [
        "  ✗ minute 31 is not 30",
        "  ✓ hour 2 matches 2",
        "  ✓ day of month 1 matches *",
        "  ✓ month Mar matches *",
        "  ✓ day of week Sat matches *",
    ]
    assert said.out.splitlines()[8].startswith("next: Sun 2031-03-02 02:30 EET")
    asked = here(folder, "explain", "nightly", "--at", "2031-03-30T03:30", "--json").json["asked"]
    assert (asked["slot"], asked["verdict"], asked["next"]) == (False, "no slot", "2031-03-30T23:30:00.000000Z")
    assert [cause["kind"] for cause in asked["causes"]] == ["gap"]
    assert asked["expressions"][0][0] == {
        "field": "minute",
        "value": "30",
        "wanted": "30",
        "holds": True,
        "excused": False,
    }


def test_explain_alone_tells_of_the_last_slot_and_the_next(folder: Path) -> None:
    here(folder, "pause", "nightly", "--note", "new disk")
    said = here(folder, "explain", "nightly", "--json").json
    assert [said[which]["verdict"] for which in ("last", "next")] == ["did not run", "would not run"]
    assert said["next"]["causes"][0]["text"] == "it is paused (new disk), until arr resume nightly"
    assert [cause["kind"] for cause in said["last"]["causes"]] == ["new"]
    page = here(folder, "explain", "nightly").out
    assert page.startswith("nightly  30 2 * * *: At 02:30 (Europe/Riga)\n\nlast: ")
    assert "\nnext: " in page
    here(folder, "enqueue", "by-hand", "--in", "1h")
    said = here(folder, "explain", "by-hand")
    assert "waits: for its time, in 59m" in said.out
    assert said.out.endswith("next: nothing comes by itself (by hand)\n")
    assert here(folder, "explain", "nigthly").code == 4
    assert here(folder, "explain", "nightly", "--at", "someday").code == 2


def test_exec_runs_a_task_here_with_its_own_exit_code(folder: Path) -> None:
    said = arr(folder, "exec", "nightly")
    assert (said.code, said.out) == (0, "nightly eu\n")
    (folder / "jobs.py").write_text("def nightly(region): raise OSError('disk full')\ndef mail(): pass\n")
    said = arr(folder, "exec", "nightly")
    assert said.code == 1
    assert "OSError: disk full" in said.err


@pytest.mark.parametrize(
    "words",
    [
        "backfill nightly",
        "simulate",
    ],
)
def test_what_is_not_there_yet_says_so_and_exits_1(folder: Path, words: str) -> None:
    said = here(folder, *words.split())
    assert said.code == 1
    assert "not there yet" in said.err


def test_a_wrong_word_is_usage_and_json_asks_for_json(folder: Path) -> None:
    assert here(folder, "lisst").code == 2
    assert here(folder, "list", "--nope").code == 2
    failed = here(folder, "show", "99", "--json")
    assert failed.code == 4
    assert failed.json["error"] == {"kind": "not_found", "message": failed.json["error"]["message"], "exit_code": 4}


def test_the_schema_is_json_that_knows_every_table(tmp_path: Path) -> None:
    schema = json.loads(here(tmp_path, "export", "--schema").out)
    assert {"arr", "defaults", "pools", "tasks"} <= set(schema["properties"])


def test_a_reader_that_has_enough_is_no_failure(folder: Path) -> None:
    import subprocess

    from command_line import ARR, environment

    done = subprocess.run(
        f"{' '.join(ARR)} export --schema | head -1",
        shell=True,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_names_from_outside_cannot_speak_to_the_terminal(folder: Path) -> None:
    said = here(folder, "enqueue", "by-hand", "to=\x1b[2J\x1b]52;c;x\x07[/]")
    assert "\x1b" not in said.err
    for words in (["runs"], ["show", "1"], ["list"]):
        assert "\x1b" not in here(folder, *words).out


def test_a_verb_beside_a_file_with_faults_goes_by_the_store(folder: Path) -> None:
    here(folder, "enqueue", "by-hand")
    (folder / "tasks.toml").write_text("[nonsense")
    assert here(folder, "list").code == 65
    said = here(folder, "runs")
    assert said.code == 0
    assert "going by the store alone" in said.err


def test_status_goes_by_the_daemon_and_the_store_whatever_the_file_says(folder: Path) -> None:
    arr(folder, "enqueue", "by-hand")
    (folder / "tasks.toml").write_text("[nonsense")
    said = arr(folder, "status")
    assert (said.code, said.out.splitlines()[-1]) == (
        3,
        "runs   1 pending, 0 running, 0 succeeded, 0 failed, 0 cancelled, 0 skipped",
    )
    assert said.err == f"no daemon is running on {folder}/tasks.toml (start it: arr run)\n"
    (folder / "tasks.toml").unlink()
    assert arr(folder, "status").err.startswith("note: no tasks file tasks.toml; going by the store alone\n")


def test_db_check_says_in_a_sentence_that_the_store_is_whole_or_what_is_wrong_and_how_to_mend_it(folder: Path) -> None:
    assert here(folder, "db", "check").code == 4
    here(folder, "enqueue", "by-hand")
    store = folder / ".arr" / "tasks.toml" / "arr.db"
    said = here(folder, "db", "check")
    assert (said.code, said.out, said.err) == (0, f"ok: {store} is whole: 1 run, 0 running\n", "")
    with closing(sqlite3.connect(store)) as db:
        db.execute("INSERT INTO ended VALUES ('failed', 3)")
        db.commit()
    said = here(folder, "db", "check")
    wrong = "the counts of ended runs say 3 failed, and there are none"
    assert (said.code, said.out) == (1, f"{wrong} — mend it: arr db check --mend\n")
    said = here(folder, "db", "check", "--json")
    expected = {"what": wrong, "mend": "mend it: arr db check --mend", "count": 1, "runs": []}
    assert (said.code, said.json["ok"], said.json["findings"]) == (1, False, [expected])
    said = here(folder, "db", "check", "--mend", "--json")
    assert (said.code, said.json) == (
        0,
        {"schema_version": 1, "ok": True, "path": str(store), "runs": 1, "findings": []},
    )


def test_db_backup_copies_the_store_beside_it_or_where_it_is_told_and_replaces_nothing(folder: Path) -> None:
    assert here(folder, "db", "backup").code == 4
    here(folder, "enqueue", "by-hand")
    said = here(folder, "db", "backup")
    assert said.code == 0
    beside = Path(said.out.strip())
    assert re.fullmatch(r"arr-\d{8}T\d{6}Z\.db", beside.name)
    assert beside.parent == folder / ".arr" / "tasks.toml"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    said = here(folder, "db", "backup", "copy.db", "--json")
    assert said.json == {
        "schema_version": 1,
        "path": str(folder / "copy.db"),
        "bytes": (folder / "copy.db").stat().st_size,
    }
    said = here(folder, "db", "backup", "copy.db")
    there = "copy.db is there already; name another file, or replace it with --force"
    assert (said.code, said.out, said.err) == (1, "", f"arr: {there}\n")
    assert here(folder, "db", "backup", "copy.db", "--force").code == 0
    (folder / "backups").mkdir()
    assert here(folder, "db", "backup", "backups").out.startswith("backups/arr-")


def test_a_backup_put_in_the_place_of_the_store_is_the_store(folder: Path) -> None:
    here(folder, "enqueue", "by-hand")
    here(folder, "db", "backup", "copy.db")
    here(folder, "enqueue", "by-hand")
    state = folder / ".arr" / "tasks.toml"
    for end in ("", "-wal", "-shm"):
        (state / f"arr.db{end}").unlink(missing_ok=True)
    (folder / "copy.db").rename(state / "arr.db")
    assert [run["id"] for run in here(folder, "runs", "--json").json["runs"]] == [1]
    assert here(folder, "enqueue", "by-hand").out == "2\n"


def test_a_slip_of_the_keys_is_no_argument_by_mistake(folder: Path) -> None:
    said = here(folder, "enqueue", "math.factorial", "5", "--piority", "3")
    assert (said.code, said.out) == (2, "")
    assert "there is no option --piority" in said.err
    assert here(folder, "enqueue", "math.factorial", "-5").code == 0
    shown = here(folder, "enqueue", "builtins.print", '"--piority"', "--json").json["run"]
    assert shown["args"] == ["--piority"]


def test_exec_ends_what_a_task_that_overran_its_timeout_has_hidden(folder: Path) -> None:
    nap = f"60.{os.getpid()}"  # no other run of this test has one as long
    (folder / "tasks.toml").write_text(
        f'[tasks.hide]\nfunc = "arrcli.shell.run"\nargs = ["setsid sleep {nap} & sleep 60"]\ntimeout = "400ms"\n'
    )
    assert arr(folder, "exec", "hide").code == 124
    left = [line for line in Path("/proc").glob("[0-9]*/cmdline") if nap.encode() in _read(line)]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
