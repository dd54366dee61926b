"""Text from tasks and files, made safe for a terminal.

Whatever a task prints, is named or raises may hold escape sequences that clear the screen, set the clipboard or
reverse the reading direction. `clean` leaves the letters and takes all of that away (SPEC, guarantee 7).
"""

from __future__ import annotations

import re
from typing import Final

_SEQUENCES: Final = (
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, clear
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS, SOS, PM, APC, up to their end
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI as one C1 character
    r"|[\x90\x98\x9d\x9e\x9f].*?(?:\x07|\x1b\\|\x9c|$)"  # the same strings, begun by a C1 character
    r"|\x1b[ -/]*[0-~]?"  # any other escape
)
_BIDI: Final = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_INVISIBLE: Final = [0x00AD, 0x200B, 0x2028, 0x2029, 0xFEFF, *range(0xE0000, 0xE0080)]
_KEPT: Final = {0x09: " " * 4, 0x0A: "\n"}
_GONE: Final[dict[int, str | None]] = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), *_BIDI, *_INVISIBLE]),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # lone surrogates cannot be encoded
    **_KEPT,
}


def clean(text: str) -> str:
    """`text` without anything that a terminal would obey; line ends stay, tabs become four blanks."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_SEQUENCES, "", text.replace("\r\n", "\n"), flags=re.DOTALL).translate(_GONE)


def one_line(text: str) -> str:
    """The first line of `text` that says something, cleaned: for a table cell or a log line."""
    return next((line.strip() for line in clean(text).split("\n") if line.strip()), "")


def brief(text: str) -> str:
    """`text` in quotes, as a message has it: escaped, and short."""
    return repr(shortened(text, 100))


def shortened(text: str, width: int) -> str:
    """`text` cut to `width` characters, with an ellipsis where something was cut."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
