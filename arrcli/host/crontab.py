"""The crontab of this user, as the machine's own `crontab` tells it."""

from __future__ import annotations

import shutil
import subprocess

from arrcli.errors import ArrError, NotFoundError


def of_this_user() -> bytes:
    """What `crontab -l` prints; NotFoundError where there is no such program, or no crontab."""
    program = shutil.which("crontab")
    if program is None:
        raise NotFoundError("there is no crontab program here; name a file, or - for standard input")
    try:
        told = subprocess.run([program, "-l"], capture_output=True, check=False, timeout=30)  # noqa: S603 - the user's
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArrError(f"crontab -l cannot be asked ({error}); name a file, or - for standard input") from error
    if told.returncode:
        said = told.stderr.decode(errors="replace").strip() or f"it exited with code {told.returncode}"
        raise NotFoundError(f"crontab -l: {said}; name a file, or - for standard input")
    return told.stdout
