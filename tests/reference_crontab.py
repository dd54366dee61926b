"""A second reading of crontabs, for comparison only: character by character as the C programs go, sharing no line and
no idea with the first. Times are watched by `reference_cron.Reference`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
BOUNDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@dataclass(frozen=True)
class Started:
    """What cron would start, and when."""

    line: int
    expression: str
    user: str
    command: str
    stdin: str
    env: dict[str, str]


def read(text: str, *, system: bool = False) -> list[Started]:
    """Every entry, with the environment that the lines above it make."""
    env: dict[str, str] = {}
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        rest = line
        while rest and rest[0] in " \t":
            rest = rest[1:]
        if not rest or rest[0] == "#":
            continue
        setting = variable(rest)
        if setting:
            env = {**env, setting[0]: setting[1]}
            continue
        words = []
        for _ in range((1 if rest[0] == "@" else 5) + system):
            word = ""
            while rest and rest[0] not in " \t":
                word, rest = word + rest[0], rest[1:]
            while rest and rest[0] in " \t":
                rest = rest[1:]
            words.append(word)
        user = words.pop() if system else ""
        expression = NICKNAMES[words[0]] if words[0][0] == "@" else " ".join(words)
        found.append(Started(number, expression, user, *command(rest), env))
    return found


def variable(line: str) -> tuple[str, str] | None:
    """The states of `load_env`, one after another."""
    place, parts = 0, ["", ""]
    for part in (0, 1):
        quote = ""
        if place < len(line) and line[place] in "\"'":
            quote, place = line[place], place + 1
        while place < len(line):
            char = line[place]
            if quote and char == quote:
                place += 1
                break
            if part == 0 and (char == "=" or (not quote and char.isspace())):
                if quote:
                    return None
                break
            parts[part] += char
            place += 1
        else:
            if quote or part == 0:
                return None
        while place < len(line) and line[place].isspace():
            place += 1
        if part == 0:
            if place >= len(line) or line[place] != "=":
                return None
            place += 1
            while place < len(line) and line[place].isspace():
                place += 1
        elif place < len(line):
            return None
        elif not quote:
            parts[1] = parts[1].rstrip()
    return parts[0], parts[1]


def command(rest: str) -> tuple[str, str]:
    """The loops of `child_process`: what the shell gets, and what it reads."""
    out: list[str] = []
    data, escaped = "", False
    for place, char in enumerate(rest):
        if char == "%" and not escaped:
            data = rest[place + 1 :]
            break
        if escaped and char in "%\\":
            out.pop()
        out.append(char)
        escaped = char == "\\" and not escaped
    said, escaped, unfinished = "", False, False
    for char in data:
        if escaped and char != "%":
            said += "\\"
        now = "\n" if char == "%" and not escaped else char
        escaped = now == "\\"
        if not escaped:
            said, unfinished = said + now, now != "\n"
    return "".join(out), said + "\\" * escaped + "\n" * unfinished


def crontab(draw: random.Random, zones: list[str], *, system: bool = False) -> str:
    """A random crontab that crons take, of entries, settings, comments, in all the ways they may be laid out."""
    lines = []
    for _ in range(draw.randint(3, 9)):
        kind = draw.random()
        if kind < 0.6:
            lines.append(entry(draw, system=system))
        elif kind < 0.75:
            lines.append(setting(draw, zones))
        elif kind < 0.9:
            lines.append(
                draw.choice(["# ", "#", "  #\t", "#-- "]) + draw.choice(["Nightly backup", "0 5 * * * /x", ""])
            )
        else:
            lines.append(draw.choice(["", "  ", "\t"]))
    return "\n".join([*lines, entry(draw, system=system), ""])


def setting(draw: random.Random, zones: list[str]) -> str:
    gap = draw.choice(["", " ", " \t"])
    name = draw.choice(["PATH", "FOO", "LANG", "CRON_TZ"])
    if name == "CRON_TZ":
        return f"CRON_TZ{gap}={gap}{draw.choice(zones)}{gap}"
    quote = draw.choice(["", "'", '"'])
    inside = draw.choice(["a", "/usr/bin:/bin", "x y", "$HOME/x", "it%", "a=b", "é"])
    return f"{draw.choice(['', ' '])}{name}{gap}={gap}{quote}{inside}{quote}{gap}"


def entry(draw: random.Random, *, system: bool = False) -> str:
    gap = draw.choice([" ", "\t", "  ", " \t "])
    when = draw.choice(list(NICKNAMES)) if draw.random() < 0.1 else gap.join(field(draw, name) for name in BOUNDS)
    words = [when, draw.choice(["root", "www-data"])] if system else [when]
    parts = ["echo", " ", "a", "\\", "%", "\\%", "'", '"', "é", "; cd /x", "# not a comment", "|", "\\\\", "  "]
    said = "run" + "".join(draw.choice(parts) for _ in range(draw.randint(0, 6)))
    return draw.choice(["", "", " ", "\t"]) + gap.join([*words, said])


def field(draw: random.Random, name: str) -> str:
    if draw.random() < (0.6 if name in ("day", "month", "weekday") else 0.3):
        return draw.choice(["*", "*", f"*/{draw.randint(1, 4)}"])
    return ",".join(term(draw, name) for _ in range(draw.choice([1, 1, 1, 2, 3])))


def term(draw: random.Random, name: str) -> str:
    low, high = BOUNDS[name]
    first, second = sorted((draw.randint(low, high), draw.randint(low, high)))
    forms = [f"{first}", f"{first}-{second}", f"{first}-{second}/{draw.randint(1, 5)}", f"*/{draw.randint(1, high)}"]
    if name == "month":
        forms += [MONTHS[first - 1], f"{MONTHS[first - 1]}-{MONTHS[second - 1]}".upper()]
    if name == "weekday" and second < 7:
        forms += [WEEKDAYS[first], f"{WEEKDAYS[first].title()}-{WEEKDAYS[second]}"]
    return draw.choice(forms)
