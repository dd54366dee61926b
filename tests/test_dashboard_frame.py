"""The picture: a grid that nothing bends, and in it what the snapshot says."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from dashboard_pictures import NOW, crowd, failed, ok, picture, record, run, task, whole_run
from rich.cells import cell_len
from rich.console import Console

from arrcli.dashboard.act import Again, Cancel, Pause, Reload, Resume, RunNow
from arrcli.dashboard.draw import Frame
from arrcli.dashboard.moves import READ_ONLY, pressed
from arrcli.dashboard.view import Order, Page, Pane, View
from arrcli.dashboard.wishes import wish
from arrcli.model.instant import SECOND
from arrcli.model.run import Fault, Origin, Reason, State
from arrcli.model.snapshot import DaemonStatus, Idle, Opened, Snapshot, Upcoming, WorkerStatus

SIZES = [(80, 24), (120, 40), (200, 60), (40, 8), (20, 5), (1, 1), (41, 13), (159, 25), (300, 100), (60, 16)]
HOSTILE = [
    "[/]",
    "[red]x[/red] [link=http://x]",
    "\x1b[2J\x1b[31mred",
    "\x1b]52;c;aGk=\x07",
    "\x9b2J\x9d0;title\x9c",
    "\u202egnp.exe\u2066\u200f",
    "日本語のタスク名" * 5,
    "👨\u200d👩\u200d👧\u200d👦 ❤\ufe0f 👍🏽 🇱🇻",
    "e\u0301" * 300,
    "\u0301\u0301 begins with marks",
    "\t\r\n\x00\x08\x7f",
    "x" * 10_000,
    "界" * 10_000,
    "\u00ad\u200b\ufeff",
    "\ud800 lone",
]


def drawn(
    snapshot: Snapshot, view: View | None = None, size: tuple[int, int] = (80, 24), opened: Opened | None = None
) -> list[str]:
    lines = Frame(snapshot, view or View(), opened).lines(*size)
    return ["".join(segment.text for segment in line) for line in lines]


def has(lines: Sequence[str], text: str) -> bool:
    return any(text in line for line in lines)


def press(frame: Frame, *names: str, page: int = 5) -> Frame:
    for name in names:
        view = pressed(name, frame, page)
        assert view is not None
        frame = Frame(frame.snapshot, view)
    return frame


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_fills_its_window_exactly(size: tuple[int, int]) -> None:
    width, height = size
    views = (
        View(),
        View(page=Page.HELP),
        View(page=Page.TIMELINE),
        View(page=Page.RUN, opened=4820),
        View(pane=Pane.ENDED),
        View(typing=True, filter="or"),
        View(ascii=True),
        View(order=Order.WORST, asking=Cancel(4823, "import-orders")),
        View(note="queued run 4825 of import-orders", control=False),
    )
    for view in views:
        lines = drawn(picture(), view, size, opened=whole_run(4820))
        assert [cell_len(line) for line in lines] == [width] * height


@pytest.mark.parametrize("size", SIZES)
def test_rich_draws_the_same_grid(size: tuple[int, int]) -> None:
    out = io.StringIO()
    console = Console(file=out, width=size[0], height=size[1], color_system=None, legacy_windows=False)
    console.print(Frame(picture(), View()), end="")
    assert out.getvalue().split("\n")[: size[1]] == drawn(picture(), size=size)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_from_outside_bends_the_grid_or_reaches_the_terminal(text: str) -> None:
    ugly = task(text, description=text)
    snapshot = replace(
        picture(),
        file=text,
        tasks={text: ugly},
        upcoming=[Upcoming(at=NOW + SECOND, name=text, task=ugly, kind="cron", held_by=text)],
        running=[run(1, text, state=State.RUNNING, started_at=NOW)],
        recent=[failed(2, text, ago=1, took=1, message=text)],
        last={text: [failed(2, text, ago=1, took=1, message=text)]},
        failing=[failed(2, text, ago=1, took=1, message=text)],
        records={text: record(text, broken=text)},
        marked=[record(text, broken=text)],
        daemon=DaemonStatus(pid=1, message=text, stalled=True),
        faults=[text] * 9,
    )
    for size in SIZES:
        for view in (View(), View(pane=Pane.ENDED), View(pane=Pane.FAILING), View(filter=text[:50])):
            lines = drawn(snapshot, view, size)
            assert [cell_len(line) for line in lines] == [size[0]] * size[1]
            assert not set("".join(lines)) & set("\x1b\x9b\x9d\x07\x00\x08\x7f\u202e\u2066\u200d\ufe0f\ud800\r\n\t")


def test_a_frame_of_80_by_24_reads_so() -> None:
    assert [line.rstrip() for line in drawn(picture())] == [
        "arr tasks.toml  6 tasks  ▶ 1 running  ✗ 2 failing  ⏸ 1 paused       14:03:22 CET",
        "✓ up 1m  pid 4711  next import-orders in 1m38s  Europe/Paris  …tasks.toml/arr.db",
        "─ failing 2 ────────────────── failed ─── why ──────────────────────────────────",
        "✗ broken  mailer                          ModuleNotFoundError: No module named …",
        "✗ failing backup-db            12h ago    disk full (arr logs 4820)",
        "─ running 1 ────────── run due ─────── for worker  cpu  memory ────── 1/2 busy ─",
        "▶ import-orders       4823 14:03:00    12s      1  98%   83 MB ━━━━━━────── 50%",
        "",
        "─ next 7 ──── due ─────────── task ───────────── schedule ─────────── 1-6 of 7 ─",
        "⧗ waits 5s    14:03:17 CET    jobs.mail          waits for pool heavy  run 4824",
        "● in 1m38s    14:05:00 CET    import-orders      */5 * * * *    ✓ ok 12.1s",
        "● in 26m      22:30:00 JST    sushi              30 22 * * *",
        "● in 56m      15:00:00 CET    mailer             0 * * * *",
        "● in 11h      Wed 02:00 CET   backup-db          0 2 * * *      ✗ failed 36.0s",
        "● in 6d18h    12-01 09:00 CET report             0 9 1 12 *",
        "─ ended 2 ─── how ─────── task ───────────── took ──── last 12 ─────────────────",
        "14:00:22 CET  ✓ ok        import-orders     12.1s            █ run 4821  83 MB",
        "02:03:22 CET  ✗ failed    backup-db         36.0s            ✗ disk full",
        "",
        "",
        "─ jobs.mail ───────────────────────────────────────────────────────── run 4824 ─",
        "jobs.mail  asked for",
        "has not run yet",
        "↑↓ ↵ open r run x cancel a retry p pause / filter s sort R reload ? help q quit",
    ]


def test_the_words_above_the_columns_stand_where_the_columns_do() -> None:
    for width in (80, 100, 120, 200):
        lines = drawn(picture(), size=(width, 24 if width < 160 else 23))
        head = next(line for line in lines if line.startswith("─ running 1 "))
        row = next(line for line in lines if line.startswith("▶ import-orders"))
        assert row.index("14:03:00") == head.index("due")
        assert row.index("4823") + 4 == head.index("run ", 12) + 3
        assert row.index("12s") + 3 == head.index("for") + 3
        head = next(line for line in lines if line.startswith("─ next 7 "))
        row = next(line for line in lines if line.startswith("● in 1m38s"))
        assert row.index("14:05") == head.index("due")
        assert row.index("import") == head.index("task") and row.index("*/5") == head.index("schedule")


def test_from_forty_rows_on_the_workers_and_the_next_day_are_drawn() -> None:
    lines = drawn(picture(), size=(120, 40))
    assert has(lines, "─ workers 2 ─────────── for ─── pid ──── done  cpu  memory works on ───")
    assert has(lines, "     1 ▶ running        12s     812        41  98%   83 MB import-orders  run 4823")
    assert has(lines, "─ next 24 h, a cell is 15m ─") and has(lines, " ▪ once  ■ often  ◆ with another  ▫ held ─")
    (backup,) = [line for line in lines if line.startswith("backup-db ") and "·" in line]
    assert backup.rstrip() == f"backup-db               {'·' * 48}◆{'·' * 47}"
    assert has(lines, "■ all the time: import-orders")
    assert not has(drawn(picture(), size=(120, 39)), "─ next 24 h")


def test_a_large_window_has_two_columns() -> None:
    lines = drawn(picture(), size=(200, 60))
    assert lines[2].startswith("─ next 7 ") and "│─ failing 2 " in lines[2]
    assert has(lines, "     1 ▶ running        12s     812        41  98%   83 MB import-orders  run 4823")
    assert has(lines, "│─ next 24 h, a cell is 20m ─")
    assert has(lines, "/srv/app/tasks.toml") and has(lines, "Europe/Paris")


def test_a_window_that_is_too_small_gets_one_line_of_words_and_glyphs() -> None:
    def first(width: int) -> str:
        lines = drawn(picture(), size=(width, 7))
        assert [line.rstrip() for line in lines[1:]] == [""] * 6
        return lines[0].rstrip()

    assert first(80) == drawn(picture())[0]
    assert first(39) == "14:03:22  ▶ 1 running  ✗ 2 failing"
    assert first(30) == "14:03:22  ▶ 1  ✗ 2  ⏸ 1"
    assert first(15) == "▶ 1  ✗ 2  ⏸ 1"


def test_ascii_keeps_every_word_and_no_glyph() -> None:
    lines = drawn(picture(), View(ascii=True))
    assert all(line.isascii() for line in lines)
    assert has(lines, "> 1 running  x 2 failing  = 1 paused")
    assert lines[-1].startswith("j/k Enter open r run x cancel")


def test_a_window_without_a_daemon_says_so_and_how_to_start_one() -> None:
    lines = drawn(replace(picture(), daemon=DaemonStatus()))
    assert lines[1].startswith("■ no daemon  next import-orders in 1m38s")
    assert lines[2].rstrip() == "■ no scheduler is running on this file (start it: arr run)"


def test_a_refused_file_shows_its_faults_and_how_many_more_there_are() -> None:
    faults = [f"tasks.toml:{line}:1: unknown key" for line in range(1, 6)]
    lines = drawn(replace(picture(), faults=faults), size=(80, 40))
    assert lines[2].startswith("✗ tasks.toml:1:1: unknown key")
    assert lines[5].startswith("✗ and 2 more")


def test_a_stop_under_way_says_how_many_still_run() -> None:
    stopping = replace(picture(), daemon=DaemonStatus(pid=1, stopping=True))
    assert drawn(stopping)[1].startswith("■ stopping  pid 1")
    assert "next" not in drawn(stopping)[1]
    assert drawn(stopping)[2].startswith("■ stopping: 1 still running (Ctrl-C again kills what runs)")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"stalled": True}, "✗ stalled"),
        ({"lag": 2_300_000}, "⧗ 2.3s behind"),
        ({"lag": 300_000, "started_at": NOW - 3600 * SECOND}, "✓ up 1h"),
    ],
)
def test_the_health_of_the_daemon_is_told_in_words_and_by_a_glyph(more: dict[str, Any], said: str) -> None:
    assert drawn(replace(picture(), daemon=DaemonStatus(pid=1, **more)))[1].startswith(f"{said}  pid 1  next ")


def test_the_hint_at_the_logs_is_kept_where_the_error_is_cut() -> None:
    long = failed(4820, "backup-db", ago=5, took=1, message="no space left on device " * 9)
    snapshot = replace(picture(), recent=[long], last={}, failing=[], marked=[])
    assert has(drawn(snapshot, size=(120, 30)), "… (arr logs 4820)")
    for width in (55, 60, 80, 200):
        assert has(drawn(snapshot, size=(width, 30)), "no space left")


def test_slots_that_share_a_row_are_counted_in_it() -> None:
    missed = run(9, "report", state=State.SKIPPED, reason=Reason.MISSED, count=12, finished_at=NOW)
    assert has(drawn(replace(picture(), recent=[missed]), size=(120, 40)), "12 slots")


def test_a_run_that_awaits_its_retry_is_told_from_a_slot() -> None:
    again = run(7, "backup-db", attempt=2, reason=Reason.ERROR)
    lines = drawn(
        replace(
            picture(),
            upcoming=[Upcoming(at=NOW + 9 * SECOND, name="backup-db", task=None, kind="cron", run=again)],
        ),
    )
    assert has(lines, "↻ in 9s") and has(lines, "run 7  attempt 3")
    entry = Upcoming(
        at=NOW + 9 * SECOND,
        name="backup-db",
        task=None,
        kind="cron",
        run=again.but(fault=Fault("builtins.OSError", "disk full")),
        held_by="retry 3",
    )
    assert has(drawn(replace(picture(), upcoming=[entry]), size=(120, 30)), "retry 3  run 7  OSError: disk full")


def test_the_filter_leaves_the_rows_that_have_its_text_in_name_or_callable() -> None:
    lines = drawn(picture(), View(filter="IMPORT"))
    assert has(lines, "─ next 1 ─") and has(lines, "─ ended 1 ─") and has(lines, "─ failing 0") is False
    assert has(lines, "● in 1m38s    14:05:00 CET    import-orders")
    assert not has(lines, "sushi")
    assert lines[-1].startswith("/ IMPORT  Esc drop ↑↓ ↵ open r run x cancel")
    assert lines[-1].rstrip().endswith("? help q quit")
    assert has(drawn(picture(), View(filter="jobs.mail")), "─ next 1 ─")
    assert has(drawn(picture(), View(filter="zzz")), 'nothing here has "zzz" in it')


def test_of_a_long_queue_the_header_knows_the_length() -> None:
    def header(waiting: int) -> str:
        return drawn(replace(picture(), waiting=waiting), size=(120, 40))[0]

    assert "⧗ 1 waiting" in header(0)
    assert "⧗ 4,711 waiting" in header(4711)
    assert "⧗ 10,000+ waiting" in header(10_000)
    assert has(drawn(replace(picture(), waiting=4711)), "─ next 7+ ─")


def test_the_header_counts_what_the_filter_hides() -> None:
    assert "✗ 2 failing" in drawn(picture(), View(filter="sushi"))[0]


def test_the_filter_is_written_kept_and_dropped_by_keys() -> None:
    frame = press(Frame(picture(), View()), "/", "s", "q", "backspace", "u")
    assert (frame.view.filter, frame.view.typing) == ("su", True)
    frame = press(frame, "enter")
    assert (frame.view.filter, frame.view.typing) == ("su", False)
    assert press(frame, "esc").view.filter == ""


def test_help_lists_every_key_and_any_key_closes_it() -> None:
    frame = press(Frame(picture(), View()), "?")
    lines = drawn(picture(), frame.view)
    assert has(lines, "  ↑ ↓ k j         a row up or down")
    assert has(lines, "  q               quit; arr run then waits for what runs")
    assert has(lines, "⧗ waits, or late") and has(lines, "▁▂✗▅ durations, a cross where one failed")
    for key in ("x", "q", "esc", "?"):
        assert press(frame, key).view.page is Page.NONE


def test_the_cursor_stays_on_its_task_when_rows_above_it_go() -> None:
    frame = press(Frame(picture(), View()), "down", "j")
    assert frame.view.selected == 2 and frame.view.key == "task sushi"
    later = Frame(replace(picture(), upcoming=picture().upcoming[1:]), frame.view)
    assert later.view.selected == 1
    gone = Frame(replace(picture(), upcoming=picture().upcoming[:1], idle=[]), frame.view)
    assert gone.view.selected == 0


def test_the_cursor_moves_by_rows_pages_and_to_both_ends() -> None:
    frame = Frame(crowd(100), View())
    assert press(frame, "pgdn").view.selected == 5
    assert press(frame, "pgdn", "pgdn", "up", "pgup").view.selected == 4
    assert press(frame, "G").view.selected == 99
    assert press(frame, "G", "down", "g").view.selected == 0
    assert has(drawn(crowd(100), press(frame, "G").view), "of 100 ─")
    assert has(drawn(crowd(100), press(frame, "G").view), "task-00099")


def test_the_detail_follows_the_cursor_into_the_other_panes() -> None:
    frame = press(Frame(picture(), View()), "tab", "down")
    assert frame.view.pane is Pane.ENDED
    lines = drawn(picture(), frame.view)
    assert lines[20].startswith("─ backup-db ──") and lines[20].endswith(" arr logs 4820 ─")
    assert lines[21].startswith("✗ failed after 36.0s, 12h ago: OperationalError: disk full")
    assert lines[22].startswith("jobs.run  0 2 * * *  Europe/Paris  run 4820 by its schedule")


def test_where_there_is_room_the_detail_has_what_follows_and_the_policies() -> None:
    tasks = {"import-orders": task("import-orders", retries=3, timeout=90 * SECOND, pool="heavy")}
    slot = Upcoming(at=NOW + 98 * SECOND, name="import-orders", task=tasks["import-orders"], kind="cron")
    snapshot = replace(picture(), tasks=tasks, upcoming=[slot], idle=[])
    lines = drawn(snapshot, size=(200, 60))
    assert has(lines, "then 14:10:00 CET, 14:15:00 CET, 14:20:00 CET, 14:25:00 CET")
    assert has(lines, 'pool = "heavy"  timeout = "90s"  retries = 3')
    assert not has(drawn(snapshot), "then 14:10")


def test_the_last_durations_are_bars() -> None:
    ends = [ok(9 - index, "import-orders", ago=60 * index, took=took) for index, took in enumerate((8, 4, 1))]
    lines = drawn(replace(picture(), last={"import-orders": ends}), View(selected=1))
    assert has(lines, "last 3 ▁▄█ ✓ ok 8.0s 0s ago")


def test_what_ended_shows_twelve_durations_or_twenty_with_a_cross_for_a_failure() -> None:
    ends = [ok(30 - index, "import-orders", ago=60 * index, took=8) for index in range(25)]
    ends[1] = failed(29, "import-orders", ago=60, took=1)
    snapshot = replace(picture(), recent=ends[:1], last={"import-orders": ends})
    assert has(drawn(snapshot), f"  8.0s {'█' * 10}✗█ run 30  83 MB")
    assert has(drawn(snapshot, size=(120, 30)), f"  8.0s {'█' * 18}✗█ run 30  83 MB")


def test_a_run_is_drawn_against_the_usual_where_it_tells_no_progress() -> None:
    ends = [ok(9 - index, "import-orders", ago=60, took=24) for index in range(3)]
    silent = [replace(each, progress=None) for each in picture().workers]
    lines = drawn(replace(picture(), last={"import-orders": ends}, workers=silent), size=(120, 24))
    assert has(lines, f"98%   83 MB {'╌' * 15}{'─' * 15} of ~24.0s")


def test_runs_on_threads_share_a_line_of_their_host_which_is_no_worker() -> None:
    two = [
        run(number, name, state=State.RUNNING, attempt=1, started_at=NOW - 7 * SECOND)
        for number, name in ((51, "fetch"), (52, "sync"))
    ]
    host = [
        WorkerStatus(
            index=at, pid=900, state="busy", kind="thread", run=each, since=each.started_at, cpu=0.5, rss_kb=20_480
        )
        for at, each in enumerate(two)
    ]
    busy = replace(picture(), running=[*picture().running, *two], workers=[*picture().workers, *host])
    lines = drawn(busy, size=(120, 40))
    assert has(lines, "▶ fetch                         51 14:03:22 CET      7s thread")
    assert has(lines, "─ workers 2 ─") and has(lines, " 1 of 2 workers busy, 2 on threads ─")
    assert has(lines, "  host ▶ running         7s     900            50%   20 MB 2 on threads: fetch, sync")
    assert has(drawn(busy), " 1/2 busy ─")


def test_a_disabled_task_is_told_from_a_paused_one() -> None:
    off = task("report", "0 9 1 12 *", enabled=False)
    lines = drawn(replace(picture(), upcoming=[], idle=[Idle(task=off, why="disabled")]))
    assert has(lines, "⏸ disabled                    report             disabled")


def test_an_empty_pane_says_what_is_not_there() -> None:
    nothing = replace(picture(), upcoming=[], idle=[], running=[], recent=[], failing=[], marked=[])
    lines = drawn(nothing, View(pane=Pane.FAILING))
    for said in ("no task fails", "nothing runs just now", "no run has ended yet", "no task has a time to come"):
        assert has(lines, said)


def test_the_key_of_a_paused_task_resumes_it() -> None:
    paused = press(Frame(picture(), View()), "G")
    assert paused.view.key == "task prune-cache"
    assert " p resume " in drawn(picture(), paused.view)[-1]
    assert " p pause " in drawn(picture(), View())[-1]


def test_a_due_run_says_that_all_workers_are_busy() -> None:
    waiting = run(7, "backup-db", origin=Origin.CRON)
    late = Upcoming(at=NOW - 9 * SECOND, name="backup-db", task=None, kind="cron", run=waiting)
    busy = [replace(each, run=picture().running[0]) for each in picture().workers]
    assert has(drawn(replace(picture(), upcoming=[late], workers=busy)), "all workers are busy  run 7")
    assert not has(drawn(replace(picture(), upcoming=[late])), "all workers are busy")


class Counted(Sequence[Upcoming]):
    """A sequence that knows how often it was looked into."""

    def __init__(self, items: Sequence[Upcoming]) -> None:
        self._items, self.touched = items, 0

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        self.touched += 1
        return self._items[index]


def test_only_rows_that_are_seen_are_looked_at_among_ten_thousand() -> None:
    snapshot = crowd(10_000)
    for view in (View(), View(selected=9_000, key="task task-09000")):
        rows = Counted(snapshot.upcoming)
        drawn(replace(snapshot, upcoming=rows), view, (120, 40))
        assert rows.touched <= 150


def test_the_clock_and_the_rows_are_in_their_own_zones_through_the_autumn_night() -> None:
    from arrcli.model.instant import parse_iso

    night = parse_iso("2026-10-25T00:30:00Z")
    nightly = task("nightly")
    slots = [
        Upcoming(at=parse_iso(at), name="nightly", task=nightly, kind="cron")
        for at in ("2026-10-25T00:45:00Z", "2026-10-25T01:45:00Z")
    ]
    lines = drawn(replace(picture(), now=night, upcoming=slots, tasks={"nightly": nightly}))
    assert lines[0].rstrip().endswith("02:30:00 CEST")
    assert has(lines, "● in 15m      02:45:00 CEST   nightly")
    assert has(lines, "● in 1h15m    02:45:00 CET    nightly")


def test_enter_opens_the_run_with_its_attempts_traceback_and_output() -> None:
    frame = press(Frame(picture(), View()), "tab", "down", "enter")
    assert (frame.view.page, frame.view.opened) == (Page.RUN, 4820)
    opened = whole_run(4820)
    assert [line.rstrip() for line in drawn(picture(), frame.view, opened=opened)[2:19]] == [
        "─ run 4820  backup-db ───────────────────────────────────────────── Esc closes ─",
        "✗ failed after 36.0s, 12h ago: OperationalError: disk full",
        "jobs.run('all', full=True)  by its schedule",
        "due 14:03:22 CET  ended 02:03:22 CET",
        "cost 83 MB",
        "",
        "attempt 1  lost  02:01:22 CET  5.0s  WorkerDied: killed by SIGKILL",
        "attempt 2  failed  02:02:46 CET  36.0s  OperationalError: disk full",
        "",
        "Traceback (most recent call last):",
        '  File "/srv/app/jobs.py", line 5, in run',
        "    save(rows)",
        "sqlite3.OperationalError: disk full",
        "",
        "output",
        "  saving",
        "  saved none",
    ]
    assert press(frame, "esc").view.page is Page.NONE
    assert has(drawn(picture(), frame.view), "this run is gone from the history")


def test_enter_on_a_task_opens_the_run_that_goes_on_or_its_last_one_and_says_where_there_is_none() -> None:
    frame = Frame(picture(), View())
    assert press(frame, "down", "enter").view.opened == 4823
    assert press(frame, "down", "down", "down", "down", "enter").view.opened == 4820
    nothing = press(frame, "down", "down", "enter")
    assert (nothing.view.page, drawn(picture(), nothing.view)[-1].rstrip()) == (Page.NONE, "it has not run yet")
    assert press(nothing, "down").view.note == ""


def test_a_page_of_a_run_that_still_writes_follows_its_end_until_it_is_scrolled() -> None:
    output = "".join(f"line {number}\n" for number in range(100))
    going = Opened(run=picture().running[0], output=output)
    frame = Frame(picture(), View(page=Page.RUN, opened=4823), going)
    assert has(drawn(picture(), frame.view, opened=going), "line 99")
    page = frame.page(80, 24)
    up = pressed("up", frame, page)
    assert up is not None and not has(drawn(picture(), up, opened=going), "line 99")
    top = pressed("g", frame.but(up), page)
    assert top is not None and has(drawn(picture(), top, opened=going), "▶ running for 12s  50%")
    end = pressed("G", frame.but(top), page)
    assert end is not None and end.scroll is None
    ended_run = Opened(run=picture().recent[0], output=output)
    assert not has(drawn(picture(), View(page=Page.RUN, opened=4821), opened=ended_run), "line 99")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_a_run_wrote_or_raised_bends_its_page(text: str) -> None:
    fault = Fault(text, text, text)
    bad = replace(failed(1, "backup-db", ago=1, took=1), fault=fault, args=(text,), result=text, func=text)
    opened = Opened(run=bad, output=f"{text}\n" * 3)
    for size in SIZES:
        lines = drawn(picture(), View(page=Page.RUN, opened=1), size, opened=opened)
        assert [cell_len(line) for line in lines] == [size[0]] * size[1]
        assert not set("".join(lines)) & set("\x1b\x9b\x9d\x07\x00\x08\x7f\u202e\u2066\u200d\ufe0f\ud800\r\n\t")


def test_x_asks_before_it_cancels_and_only_y_is_a_yes() -> None:
    frame = press(Frame(picture(), View()), "down", "x")
    assert frame.view.asking == Cancel(4823, "import-orders")
    assert drawn(picture(), frame.view)[-1].startswith("cancel run 4823 of import-orders?  y yes  any other key: no")
    assert pressed("y", frame, 5) is None
    assert press(frame, "j").view.asking is None
    assert press(Frame(picture(), View()), "G", "x").view.note == "nothing of prune-cache is running or pending"


def test_what_a_key_asks_for_is_about_the_row_under_the_cursor() -> None:
    snapshot = picture()
    slot, idle, pending = snapshot.upcoming[1], snapshot.idle[0], snapshot.upcoming[0]
    bad = snapshot.recent[1]
    assert wish("run_now", slot, snapshot) == RunNow("import-orders")
    assert wish("run_now", pending, snapshot) == "jobs.mail is no task of this file: a runs an ended run again"
    assert wish("cancel", pending, snapshot) == Cancel(4824, "jobs.mail")
    assert wish("again", bad, snapshot) == Again(4820)
    assert wish("again", snapshot.upcoming[4], snapshot) == Again(4820)
    assert wish("again", pending, snapshot) == "no run of jobs.mail has ended yet"
    assert wish("pause", slot, snapshot) == Pause("import-orders")
    assert wish("pause", idle, snapshot) == Resume("prune-cache")
    assert wish("pause", bad, snapshot) == Pause("backup-db")
    assert wish("reload", None, snapshot) == Reload()
    assert wish("run_now", None, snapshot) == "there is nothing under the cursor"


def test_a_screen_without_control_only_looks_on() -> None:
    frame = Frame(picture(), View(control=False))
    for key in "rxapR":
        assert press(frame, key).view.note == READ_ONLY
    assert "x cancel" not in drawn(picture(), frame.view)[-1]


def test_s_sorts_what_comes_next_and_says_how() -> None:
    frame = press(Frame(picture(), View()), "s")
    lines = drawn(picture(), frame.view)
    assert (lines[-1].rstrip(), frame.view.order) == ("sorted by name", Order.NAME)
    names = ["backup-db", "import-orders", "jobs.mail", "mailer", "prune-cache", "report"]
    assert [line.split()[-0] and next(name for name in names if name in line) for line in lines[9:15]] == names
    assert has(lines, "─ next 7, by name ─")
    worst = drawn(picture(), press(frame, "s").view)
    assert ["mailer" in worst[9], "backup-db" in worst[10], "jobs.mail" in worst[11]] == [True, True, True]
    assert press(frame, "s", "s").view.order is Order.TIME


def test_t_draws_the_next_day_over_the_whole_screen() -> None:
    frame = press(Frame(picture(), View()), "t")
    lines = drawn(picture(), frame.view)
    assert lines[2].startswith("─ next 24 h, a cell is 30m ─")
    assert lines[3].split() == ["15", "18", "21", "Wed", "03", "06", "09", "12"]
    assert [line.split()[0] for line in lines[4:9]] == ["sushi", "mailer", "backup-db", "prune-cache", "import-orders"]
    assert has(lines, "▪ once  ■ several times  ◆ in one minute with another task  ▫ held")
    assert has(lines, "◆ 2 at Wed 02:00 CET: mailer, backup-db")
    assert press(frame, "t").view.page is Page.NONE
