"""What an attempt writes, where the disk takes no more of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from arrcli.worker.capture import _Roomy, _text_file


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_what_a_full_disk_does_not_take_is_lost_and_counted() -> None:
    handle = os.open("/dev/full", os.O_WRONLY)
    raw = _Roomy(handle, "w", closefd=False)
    out = _text_file(raw)
    print("one", 2, file=out)
    out.write("x" * 100_000)
    out.flush()
    out.close()
    assert raw.lost == len("one 2\n") + 100_000
    os.close(handle)


def test_other_faults_of_an_output_are_the_attempt_s() -> None:
    handle = os.open(os.devnull, os.O_RDONLY)
    raw = _Roomy(handle, "w", closefd=False)
    with pytest.raises(OSError) as raised:
        raw.write(b"words")
    assert (raised.value.errno, raw.lost) == (errno.EBADF, 0)
    os.close(handle)
