"""What went wrong, told: what, where, how to mend it, on one screen; with `--json` as one object on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from arrcli.errors import ArrError, ConfigError
from arrcli.text import clean, shortened

_LONGEST: Final = 1000
"""Characters of one line: what was given may be of any length, and a sentence about it is not."""


def tell(error: Exception, *, as_json: bool) -> int:
    """Print it, and give the exit code. What is neither arr's nor the parser's is a defect, and is raised again."""
    if isinstance(error, ArrError):
        return _told(error.kind, _words(error), error.exit_code, as_json, _faults(error))
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        context = getattr(error, "ctx", None)
        usage = "" if context is None else f"\ntry: {context.command_path} --help"
        return _told("usage", f"{error.format_message()}{usage}", int(error.exit_code), as_json)
    if type(error).__name__ == "Abort":
        return _told("interrupted", "interrupted", 130, as_json)
    if isinstance(error, BrokenPipeError | OSError):
        return _told("os", str(error), 1, as_json)
    raise error


def _words(error: ArrError) -> str:
    missing = [fault for fault in getattr(error, "faults", ()) if fault not in str(error)]
    return "\n".join([*missing, str(error)])


def _faults(error: ArrError) -> dict[str, Any]:
    return {"faults": list(error.faults)} if isinstance(error, ConfigError) else {}


def _told(kind: str, words: str, code: int, as_json: bool, more: dict[str, Any] | None = None) -> int:
    if as_json:
        error = {"kind": kind, "message": words, "exit_code": code, **(more or {})}
        print(json.dumps({"schema_version": 1, "error": error}))
    else:
        prefix = "" if more else "arr: "
        lines = (shortened(line, _LONGEST) for line in clean(words).split("\n"))
        print(prefix + "\n".join(lines), file=sys.stderr)
    return code
