"""Names for the tasks of a crontab: of the comment above an entry where that says something, else of its command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from itertools import dropwhile, takewhile
from typing import Final

from arrcli.config.build import problem_of_name
from arrcli.config.crontab.lines import Entry, entry

LONGEST: Final = 40
"""Characters of a name that is made up."""
_BLOCK: Final = 4
"""Of a longer block of comments only the last line is about the entry below it."""

_MARK: Final = re.compile(r"\s*\[(.+)\]\s*")
_NO_TITLE: Final = re.compile(
    r"\b(?:dom|dow|mon|min)\b.*\b(?:dow|command|cmd|hour)\b|day of (?:the )?(?:month|week)"  # a heading of columns
    r"|^\s*(?:\||\.-|\w+\s*=)",  # a drawing of them; a setting
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W_]+")
_LETTERS: Final = re.compile(r"[^\W\d_]{3}")
_WEAK: Final = {
    "a", "an", "the", "and", "or", "of", "to", "at", "in", "on", "for", "with", "every", "each", "by", "from", "is",
}  # fmt: skip
"""Words that no name ends with."""

_ENDS: Final = {"&&", "||", ";", "|", "&", ";;", "|&", "(", ")", "{", "}"}
_KEYWORDS: Final = {"if", "then", "elif", "else", "while", "until", "do", "!"}
"""Words of the shell that a command may stand behind."""
_SMALL: Final = {
    "cd", "test", "[", "[[", "sleep", "export", "set", "unset", "umask", "ulimit", "source", ".", "true", "false", ":",
    "fi", "done", "for", "case", "esac", "exit", "trap", "wait",
}  # fmt: skip
"""Programs and words of the shell that say nothing of what a command is for."""
_WRAPPERS: Final = {
    "sudo": (0, "ugphC"), "doas": (0, "uC"), "nice": (0, "n"), "ionice": (0, "cnpu"), "nohup": (0, ""), "exec": (0, ""),
    "time": (0, "fo"), "env": (0, "uCS"), "chronic": (0, ""), "setsid": (0, ""), "command": (0, ""),
    "stdbuf": (0, "ioe"), "systemd-cat": (0, "tp"), "timeout": (1, "ks"), "flock": (1, "wE"), "lckdo": (1, "W"),
    "chrt": (1, ""), "taskset": (1, ""),
}  # fmt: skip
"""Programs that run another one: how many operands of their own stand in front of it, their options with a value."""
_SHELLS: Final = {"sh", "bash", "dash", "zsh", "ksh", "ash"}
_INTERPRETERS: Final = re.compile(r"(?:python|pypy|php|perl|ruby|node|java|Rscript|lua|deno)[\d.]*")
_ENDING: Final = re.compile(r"\.(?:sh|bash|py|php|pl|rb|js|mjs|ts|jar|R|lua|cron)$")
_OPERAND: Final = re.compile(r"[\w.:+@%/~-]{1,60}")


def name_for(above: Sequence[str], command: str, taken: Collection[str]) -> str:
    """A name that no other task has: the comments above the entry, then its command, are asked for it."""
    marked = next((mark for text in above if (mark := marked_name(text)) and mark not in taken), None)
    return marked or _unique(_of_comments(above) or _of_command(command) or "job", taken)


def marked_name(comment: str) -> str | None:
    """NAME where the comment is `[NAME]`, as `arr export --crontab` writes it."""
    found = _MARK.fullmatch(comment)
    return found[1] if found and problem_of_name(found[1]) is None else None


def _unique(wanted: str, taken: Collection[str]) -> str:
    name, number = f"task-{wanted}" if wanted.isdigit() else wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _of_comments(above: Sequence[str]) -> str:
    paragraph = list(takewhile(str.strip, reversed(above)))[::-1]
    asked = paragraph if len(paragraph) <= _BLOCK else paragraph[-1:]
    return next((slug for text in asked if _is_title(text) and (slug := _slug(text))), "")


def _is_title(text: str) -> bool:
    """A few words about what follows: no entry or setting that was commented out, no heading of the columns."""
    if marked_name(text) or _NO_TITLE.search(text) or not _LETTERS.search(text):
        return False
    return len(text.split()) <= 10 and not isinstance(entry(text.strip().lstrip("#")), Entry)


def _slug(text: str) -> str:
    words: list[str] = []
    for word in _WORD.findall(text.lower().replace("'", "")):
        if len("-".join([*words, word])) > LONGEST:
            break
        words.append(word)
    while len(words) > 1 and words[-1] in _WEAK:
        words.pop()
    return "-".join(words)


def _of_command(command: str) -> str:
    """The first program that does something, and what it is given; of code within the command the interpreter."""
    found = list(_of_each(command))
    return next((slug for slug in found if not _INTERPRETERS.fullmatch(slug)), found[0] if found else "")


def _of_each(command: str) -> Iterator[str]:
    for words in _simple_commands(command):
        unwrapped = _unwrapped(list(dropwhile(_KEYWORDS.__contains__, words)))
        if unwrapped and unwrapped[0] not in _SMALL and (slug := _of_program(unwrapped)):
            yield slug


def _simple_commands(command: str) -> list[list[str]]:
    """The words of each command of the line; roughly, where its quotes do not close."""
    try:
        reader = shlex.shlex(command, posix=True, punctuation_chars=True)
        reader.whitespace_split = True
        tokens = list(reader)
    except ValueError:
        tokens = command.split()
    found: list[list[str]] = [[]]
    for token in tokens:
        if token in _ENDS:
            found.append([])
        else:
            found[-1].append(token)
    return [_without_redirections(words) for words in found if words]


def _without_redirections(words: list[str]) -> list[str]:
    for place, word in enumerate(words):
        if word.startswith((">", "<", "&>")):
            return words[:place]
    return words


def _unwrapped(words: list[str]) -> list[str]:
    """Past `sudo -u x`, `nice -n 10`, `flock -n file`, `A=b` and the like."""
    while words and (_base(words[0]) in _WRAPPERS or re.fullmatch(r"\w+=.*", words[0], re.DOTALL)):
        program = _base(words[0])
        operands, valued = _WRAPPERS.get(program, (0, ""))
        words = words[1:]
        while words and (words[0].startswith("-") or operands):
            if program == "flock" and words[0] == "-c":
                return ["sh", *words]
            if not words[0].startswith("-"):
                words, operands = words[1:], operands - 1
            elif len(words[0]) == 2 and words[0][1] in valued and len(words) > 2:
                words = words[2:]
            else:
                words = words[1:]
    return words


def _of_program(words: list[str]) -> str:
    program, rest = _base(words[0]), words[1:]
    if program in ("su", "runuser") or program in _SHELLS:
        if "-c" in rest[:-1]:
            return _of_command(rest[rest.index("-c") + 1].removeprefix("cd; "))
        program, rest = _script(program, rest)
    elif _INTERPRETERS.fullmatch(program):
        program, rest = _script(program, rest)
    operand = next((word for word in rest if not word.startswith("-")), "")
    said = _base(_host(operand)) if _OPERAND.fullmatch(operand) else ""
    return _slug(f"{program} {said}") or _slug(program)


def _script(interpreter: str, rest: list[str]) -> tuple[str, list[str]]:
    """What an interpreter runs, and the words for that."""
    for place, word in enumerate(rest):
        if word in ("-m", "-jar") and rest[place + 1 :]:
            return _base(rest[place + 1]).rpartition(".")[2], rest[place + 2 :]
        if word in ("-c", "-e", "-r"):
            return interpreter, []
        if not word.startswith("-"):
            return _base(word), rest[place + 1 :]
    return interpreter, []


def _base(word: str) -> str:
    return _ENDING.sub("", word.rstrip("/").rpartition("/")[2])


def _host(word: str) -> str:
    """Of an address the machine that it names."""
    found = re.match(r"\w+://(?:[^/@]*@)?([^/:]+)", word)
    return found[1] if found else word
