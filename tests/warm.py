"""Processes that begin within a moment: forked from one that has imported everything already.

`python -m tests.warm` is that one. It forks a child for each order on its socket, with the order's arguments,
environment, directory and standard streams, and tells of each child's birth and end. The child runs the module
as `python -m` would.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

ROOT = Path(__file__).parent.parent
BORN_S = 60.0
_ORDER_BYTES = 1 << 20


class Warm:
    """Begins Python modules as processes; to be used in place of `subprocess.Popen`."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _ORDER_BYTES)
        self._socket = ours
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._born: SimpleQueue[int] = SimpleQueue()
        self._ends: dict[int, tuple[threading.Event, list[int]]] = {}
        self._turn = threading.Lock()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        while told := self._told():
            pid, code = json.loads(told)
            if code is None:
                self._ends[pid] = (threading.Event(), [])
                self._born.put(pid)
            else:
                event, held = self._ends.pop(pid)
                held.append(code)
                event.set()

    def _told(self) -> bytes:
        """The mother's next word, empty once either side has gone (with unread orders: reset, not ended)."""
        try:
            return self._socket.recv(4096)
        except OSError:
            return b""

    def begin(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path, streams: Sequence[int]
    ) -> tuple[int, threading.Event, list[int]]:
        """The process id of `python -m MODULE …`, the event of its end, and where its exit code will stand."""
        assert list(command[:2]) == [sys.executable, "-m"], command
        order = json.dumps({"argv": list(command[2:]), "env": dict(env), "cwd": str(cwd)}).encode()
        with self._turn:
            socket.send_fds(self._socket, [order], streams)
            pid = self._born.get(timeout=BORN_S)
            return pid, *self._ends[pid]

    def popen(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        text: bool = False,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> Child:
        """A child with the streams that `subprocess.Popen` would give it; without PIPE they lead nowhere."""
        mine: list[IO[Any] | None] = []
        theirs: list[int] = []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            if wanted == subprocess.PIPE:
                read, write = os.pipe()
                near, far = (write, read) if number == 0 else (read, write)
                mode = ("w" if number == 0 else "r") + ("" if text else "b")
                mine.append(os.fdopen(near, mode, -1 if text or number else 0))
                theirs.append(far)
            else:
                mine.append(None)
                theirs.append(_far(wanted))
        try:
            pid, ended, code = self.begin(command, os.environ if env is None else env, cwd, theirs)
        finally:
            for far in theirs:
                os.close(far)
        return Child(command, pid, ended, code, mine)

    def run(self, command: Sequence[str], timeout: float, **given: Any) -> subprocess.CompletedProcess[str]:
        """What a child said, once it has ended."""
        child = self.popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **given)
        out, err = child.communicate(timeout=timeout)
        return subprocess.CompletedProcess(list(command), child.wait(), out, err)

    def close(self) -> None:
        """End the mother; children that live on lose their standard input, as with any parent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._listener.join(10)
        self._socket.close()
        self._mother.wait(10)


class Child(subprocess.Popen[Any]):
    """A process that another one has begun. Only what tests use of `Popen`."""

    def __init__(
        self,
        command: Sequence[str],
        pid: int,
        ended: threading.Event,
        code: list[int],
        streams: Sequence[IO[Any] | None],
    ) -> None:
        # Popen's own beginning is left out: the process lives already, and is not this one's child.
        self.args = list(command)
        self.pid = pid
        self.stdin, self.stdout, self.stderr = streams
        self.returncode = None
        self._ended, self._code = ended, code

    def __del__(self, *_: object) -> None:
        self._close()

    def __exit__(self, *_: object) -> None:
        self._close()
        self.wait()

    def poll(self) -> int | None:
        if self.returncode is None and self._ended.is_set():
            self.returncode = self._code[0]
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        self.returncode = self._code[0]
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def communicate(
        self,
        input: Any = None,  # noqa: A002 - as Popen has it
        timeout: float | None = None,
    ) -> tuple[Any, Any]:
        found: list[Any] = [None, None]
        readers = [
            threading.Thread(
                target=lambda at=at, stream=stream: found.__setitem__(at, stream.read()), daemon=True
            )
            for at, stream in enumerate((self.stdout, self.stderr))
            if stream and not stream.closed
        ]
        for reader in readers:
            reader.start()
        if self.stdin and not self.stdin.closed:
            with suppress(OSError):
                if input is not None:
                    self.stdin.write(input)
                self.stdin.close()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        self._close()
        return found[0], found[1]

    def _close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()


def _far(wanted: int | IO[Any] | None) -> int:
    """A descriptor of its own for a stream that a child is given."""
    if wanted in (None, subprocess.DEVNULL):
        return os.open(os.devnull, os.O_RDWR)
    return os.dup(wanted if isinstance(wanted, int) else wanted.fileno())


WARM = (
    "alembic.command",
    "uvicorn.protocols.http.httptools_impl",
    "syncd.cli.verbs",
    "syncd.cycle",
    "syncd.daemon",
    "syncd.dispatch",
    "syncd.metrics",
    "syncd.notify",
    "syncd.notifying",
    "syncd.oracle",
    "syncd.reload",
    "syncd.store.schema",
    "connectors.sandbox.base",
    "connectors.sandbox.faults",
    "connectors.sandbox.population",
    "connectors.sandbox.tls",
)


def _mother(number: int) -> None:
    """Fork for every order, and tell of births and ends, until nobody orders any more."""
    orders = socket.socket(fileno=number)
    for name in WARM:
        import_module(name)
    from connectors.sandbox import SERVERS

    for vendor, server in SERVERS.items():
        import_module(server)
        import_module(f"connectors.{vendor}")
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([orders, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _tell_ends(orders)
        if orders in ready:
            order, streams, _, _ = socket.recv_fds(orders, _ORDER_BYTES, 3)
            if not order:
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for end in (woken, wake, orders.detach()):
                    os.close(end)
                _live(json.loads(order), streams)
            for stream in streams:
                os.close(stream)
            orders.send(json.dumps([pid, None]).encode())


def _tell_ends(orders: socket.socket) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            orders.send(json.dumps([pid, os.waitstatus_to_exitcode(status)]).encode())


def _live(order: Mapping[str, Any], streams: Sequence[int]) -> None:
    """The child: as `python -m MODULE` in that place. Never returns."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.stdin, sys.stdout = os.fdopen(0, "r", closefd=False), os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, closefd=False)
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        module, *sys.argv[1:] = order["argv"]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    _mother(int(sys.argv[1]))
