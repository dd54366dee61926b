"""What the tests of workers share: a module of tasks in a folder of its own, and bounded waits."""

from __future__ import annotations

import contextlib
import itertools
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from command_line import PATIENCE_S

from arrcli.worker.pool import ProcessPool
from arrcli.worker.wire import Attempt, Begun, Executor, Outcome

TASKS = '''
import asyncio, ctypes, logging, os, signal, subprocess, sys, threading, time
from datetime import datetime
from pathlib import Path
from arrcli.context import GiveUp, Retry, current_run, track

def noop(): return None
def add(a, b=1): return a + b
def echo(value): return value
def boom():
    raise ValueError("bad")
def sleep(seconds): time.sleep(seconds)
def touch_and_sleep(path, seconds=600):
    Path(path).write_text(str(os.getpid())); time.sleep(seconds)
def stubborn(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(path).write_text("x"); time.sleep(600)
def polite(path):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Path(path).write_text("x")
    while not stop.is_set(): time.sleep(0.01)
    return "as if nothing had happened"
def mark(path, number):
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, b"%d\\n" % number); os.close(handle)
    return number
def mark_or_wait(path, number, gate):
    if number: return mark(path, number)
    while not Path(gate).exists(): time.sleep(0.005)
def in_c(): pow(3, 10 ** 20000, 10 ** 20000 + 1)
def become(path):
    Path(path).write_text(str(os.getpid())); os.execvp("sleep", ["sleep", "600"])
def busy_child(): subprocess.run([sys.executable, "-c", "for _ in range(3_000_000): pass"])
def fat(): time.sleep(0.002); return len(bytearray(100_000_000))
def leave(code): os._exit(code)
def leave_when(path, code):
    while not Path(path).exists(): time.sleep(0.002)
    os._exit(code)
def kill(number): os.kill(os.getpid(), number)
def abort(): os.abort()
def write():
    print("from print")
    print("to stderr", file=sys.stderr)
    logging.getLogger("shop").info("from logging")
    os.system("echo from a shell")
    ctypes.CDLL(None).puts(b"from C")
    subprocess.run(["echo", "from a child"])
    print("no newline", end="")
def write_much(size):
    line = "x" * 99 + "\\n"
    print("first"); sys.stdout.write(line * (size // 100)); print("last")
def write_for_long(path, size):
    write_much(size); Path(path).write_text("x"); time.sleep(600)
def grandchild(path):
    """A descendant in a session of its own, that its parent does not wait for."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            Path(path).write_text(str(os.getpid()))
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not Path(path).exists() or not Path(path).read_text(): time.sleep(0.005)
def grandchild_and_sleep(path):
    grandchild(path); time.sleep(600)
def change_everything():
    os.environ["LEFT"] = "behind"; os.environ.pop("HOME", None)
    os.chdir("/"); os.umask(0); sys.path.append("/nowhere")
    signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.alarm(100)
    sys.stdout = None; os.close(1); os.close(2)
def surroundings():
    umask = os.umask(0); os.umask(umask)
    return [os.environ.get("LEFT"), "HOME" in os.environ, os.getcwd(), umask, "/nowhere" in sys.path,
            signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, signal.alarm(0)]
def who(): return os.getpid()
def modules(): return sorted(sys.modules)
def names():
    wanted = "ARR_TASK ARR_RUN_ID ARR_ATTEMPT ARR_SLOT MINE".split()
    return {name: os.environ.get(name) for name in wanted}
def leave_thread(): threading.Thread(target=time.sleep, args=(600,)).start()
def fork_and_return():
    if os.fork(): os.wait()
    return os.getpid()
def half_way(path):
    current_run().progress(0.5, "half way"); Path(path).write_text("x"); time.sleep(600)
def meet(folder, index, count):
    print("a", index); Path(folder, str(index)).touch()
    while len(os.listdir(folder)) < count: time.sleep(0.005)
    print("b", index)
async def later(value):
    await asyncio.sleep(0.01); return value
async def talk(value):
    print("a", value); await asyncio.sleep(0.1); print("b", value); return value
async def forever(path=None):
    if path: Path(path).write_text("x")
    await asyncio.sleep(600)
async def fork_and_await(path):
    before = asyncio.create_task(asyncio.sleep(0.2))
    await asyncio.sleep(0)
    child = os.fork() == 0
    Path(f"{path}/{os.getpid()}").write_text("child" if child else "parent")
    current_run().progress(1.0, "forked")
    await before
    Path(f"{path}/{os.getpid()}").write_text("awoke")
    return "child" if child else "parent"
async def fork_aside(path):
    return await asyncio.create_task(fork_and_await(path))
async def exit_aside():
    async def leave(): sys.exit("aside")
    aside = asyncio.create_task(leave())
    await asyncio.sleep(0.05)
    return str(aside.exception())
async def count(path):
    for _ in range(30):
        with open(path, "a") as out: out.write(f"{os.getpid()}\\n")
        await asyncio.sleep(0.01)
async def sleeps(path):
    Path(path).write_text("x"); await asyncio.sleep(60)
async def awaits(path): await sleeps(path)
def keeps_the_interpreter(path):
    Path(path).write_text("x")
    while not Path(path + ".enough").exists(): ctypes.PyDLL(None).usleep(700_000)
def until_cancelled(path):
    Path(path).write_text("x")
    while not current_run().cancelled: time.sleep(0.005)
def run_facts():
    run = current_run()
    return [run.id, run.task, run.attempt, run.slot.isoformat()]
def timed(*, time: datetime): return time.isoformat()
'''


@contextlib.contextmanager
def pool_in(folder: Path, *, workers: int = 1, **more: Any) -> Iterator[ProcessPool]:
    """A pool with the tasks above as module `jobs`, its outputs in `folder/out`."""
    (folder / "jobs.py").write_text(TASKS)
    pool = ProcessPool(workers=workers, outputs=folder / "out", python_path=[str(folder)], cwd=str(folder), **more)
    try:
        yield pool
    finally:
        pool.close()


_ids = itertools.count(1)


def attempt(func: str, *args: Any, **more: Any) -> Attempt:
    """An attempt of one of the tasks above (or of a dotted path), with a run id of its own."""
    path = func if "." in func or ":" in func else f"jobs.{func}"
    return Attempt(**{"run_id": next(_ids), "number": 1, "func": path, "args": list(args), **more})


def turn(executor: Executor) -> list[Begun | Outcome]:
    """Wait as the engine does, 50 ms at most, and give what happened."""
    wait = executor.wait_us()
    seconds = 0.05 if wait is None else min(0.05, wait / 1e6)
    select.select(executor.filenos(), [], [], seconds)
    return list(executor.events())


def outcomes(executor: Executor, count: int = 1, *, within: float = PATIENCE_S) -> list[Outcome]:
    """The next `count` outcomes, in order."""
    found: list[Outcome] = []
    until = time.monotonic() + within
    while len(found) < count:
        assert time.monotonic() < until, f"{len(found)} of {count} outcomes within {within}s: {executor.views()}"
        found += [each for each in turn(executor) if isinstance(each, Outcome)]
    return found


def tried(executor: Executor, *attempts: Attempt) -> Outcome:
    """Submit, and give the outcome of the last to end."""
    executor.submit(attempts)
    return outcomes(executor, len(attempts))[-1]


def begun(executor: Executor) -> Begun:
    """The next attempt that has begun."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for each in turn(executor):
            if isinstance(each, Begun):
                return each
    raise AssertionError("nothing began")


def eventually(holds: Callable[[], object], *, executor: Executor | None = None) -> None:
    """Come back once it holds; the executor's events go on meanwhile, and are dropped."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, "it never held"
        if executor is not None:
            turn(executor)
        else:
            time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return Path(f"/proc/{pid}").exists()
