"""What README and docs/ say is what the program does: pages are fresh, files load, links lead somewhere."""

from __future__ import annotations

import html
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command_line import environment

from arrcli.cli import exit_code_of
from arrcli.cli.reference import cli_page, renewed
from arrcli.cli.table import VERBS
from arrcli.config.load import parse
from arrcli.dashboard.keys import bar, page_bar

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES_BY_NAME = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
RENEW = "stale: python -m arrcli.cli.reference docs"


def blocks(kind: str) -> list[str]:
    """The fenced blocks of one kind in all pages; "" is a block without a name."""
    found = []
    for text in PAGES_BY_NAME.values():
        fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        found += [body for name, body in fences if name == kind]
    return found


def test_the_page_of_the_command_line_is_fresh() -> None:
    assert PAGES_BY_NAME["docs/cli.md"] == cli_page(), RENEW


def test_the_tables_of_keys_are_fresh() -> None:
    page = PAGES_BY_NAME["docs/tasks-toml.md"]
    assert page == renewed(page), RENEW
    assert page.count("<!-- keys: ") == 3
    assert "| `on_lost` |" in page


def test_tasks_files_in_the_pages_load() -> None:
    found = blocks("toml")
    assert len(found) >= 4
    for text in found:
        parse(text, "/srv/app/tasks.toml", machine_zone="UTC", cpu_count=2)


def test_programs_in_the_pages_are_python() -> None:
    found = blocks("python")
    assert len(found) >= 3
    for text in found:
        compile(text, "page", "exec")


def test_the_programs_in_the_readme_and_in_the_library_page_run(tmp_path: Path) -> None:
    programs = [text for text in blocks("python") if "__main__" in text]
    assert programs
    for number, text in enumerate(programs):
        script = tmp_path / f"program_{number}.py"
        script.write_text(text)
        done = subprocess.run(
            [sys.executable, script], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30
        )
        expected = "\n".join(re.findall(r"print\(.*\)\s+# (.*)", text))
        assert (done.returncode, done.stdout.strip()) == (0, expected), done.stderr


def transcripts() -> list[tuple[str, str]]:
    found = []
    for text in blocks(""):
        for part in re.split(r"(?m)^(?=\$ )", text):
            if part.startswith("$ arr next "):
                command, _, said = part.partition("\n")
                found.append((command[2:], said.strip()))
    return found


@pytest.mark.parametrize(("command", "expected"), transcripts())
def test_what_arr_next_is_shown_to_say_is_what_it_says(
    command: str,
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "1")
    exit_code_of(shlex.split(command)[1:])
    said = capsys.readouterr()
    lines = [line.rstrip() for line in (said.err + said.out).splitlines()]
    assert "\n".join(lines) == expected


def test_there_are_transcripts_of_both_nights() -> None:
    shown = " ".join(said for _, said in transcripts())
    assert "does not exist" in shown
    assert "comes twice" in shown


@pytest.mark.parametrize("name", PAGES_BY_NAME)
def test_relative_links_lead_to_files(name: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", PAGES_BY_NAME[name]):
        if "://" not in target:
            assert ((ROOT / name).parent / target).exists(), target


def test_the_tests_that_the_page_of_reliability_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGES_BY_NAME["docs/reliability.md"]))
    there = {
        name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    assert len(named) > 40
    assert named - there == set()


@pytest.mark.parametrize("name", PAGES_BY_NAME)
def test_no_page_names_a_place_of_the_machine_it_was_written_on(name: str) -> None:
    assert re.findall(r"(?<![\w.])/(?:work|tmp|root|home)\b", PAGES_BY_NAME[name]) == []


def test_the_pictures_of_the_dashboard_show_the_keys_that_there_are() -> None:
    for name, wanted in (
        ("dashboard-80x24", bar(80)),
        ("dashboard-120x40", bar(120)),
        ("run", page_bar(80, of_run=True)),
    ):
        picture = (ROOT / f"docs/images/{name}.svg").read_text(encoding="utf-8")
        assert f"images/{name}.svg" in PAGES_BY_NAME["README.md"]
        said = [html.unescape(text).replace("\xa0", " ").strip() for text in re.findall(r">([^<]+)</text>", picture)]
        keys = [part for pair in wanted for part in pair if part]
        assert said[-len(keys) :] == keys, "stale: python tests/screenshots.py docs"
        assert not re.search(r"/(?:work|tmp|root|home)\b", picture)


def test_the_readme_lists_what_is_not_there_yet() -> None:
    paragraph = PAGES_BY_NAME["README.md"].partition("Not there yet")[2].partition("\n\n")[0]
    missing = {verb.name for verb in VERBS if "not there yet" in verb.does}
    assert missing
    assert {name for name in missing if f"`{name}`" not in paragraph} == set()
    there = {verb.name for verb in VERBS} - missing
    assert {name for name in there if f"`{name}`" in paragraph} == set()


def test_the_readme_names_every_verb() -> None:
    assert {verb.name for verb in VERBS if verb.name not in PAGES_BY_NAME["README.md"]} == set()


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = re.search(r"^## \[?([^\]\s]+)", PAGES_BY_NAME["CHANGELOG.md"], re.MULTILINE)
    assert first is not None
    assert first[1] in ("Unreleased", version)


def test_the_unit_for_systemd_is_told_when_arr_is_ready_and_drains_it() -> None:
    unit = (ROOT / "docs/deploy/arr.service").read_text().splitlines()
    for line in ("Type=notify", "KillMode=mixed", "ExecReload=kill -HUP $MAINPID", "RestartPreventExitStatus=65"):
        assert line in unit


def test_the_crontab_in_its_page_becomes_what_the_page_shows() -> None:
    from arrcli.config.crontab.toml import as_toml

    page = PAGES_BY_NAME["docs/crontab.md"]
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    _, crontab, tasks, said = blocks
    made = as_toml(crontab.encode(), system=False)
    assert made.text.partition("run it\n\n")[2].rstrip() == tasks.rstrip()
    lines = [f"line {one.line}: {one.text}" for one in made.remarks]
    assert [*lines, "2 tasks; 1 line left as comments"] == said.splitlines()
