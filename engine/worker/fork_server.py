"""One process that only imports torch and ultralytics, and forks a worker a request: five lanes start in the time of one.

`python -m quintet.engine.worker.fork_server SOCKET [models]`, SOCKET being the number of an inherited, connected unix socket.
Without `models` torch stays out, for lanes that need none. It loads no model, predicts nothing and asks nothing of CUDA,
since a process that has done so must not be forked; it checks that, and says in its first frame whether it may be used.
It forks twice, so that workers become children of the supervisor (a child subreaper), which reaps them and whose death
ends them.

Frames, msgpack arrays: from it `["nursery", fit, text]` once, then `["forked", lane, pid]` a request; to it
`["fork", lane]` with three descriptors: the worker's socket, its lifeline, its stderr.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

import msgpack

from quintet.engine.worker import __main__ as worker
from quintet.engine.worker import prctl
from quintet.engine.worker.backends import sleep  # noqa: F401  ready for whoever is forked

REPARENT_S = 5.0


def unfit() -> str:
    """Why this process must not be forked, or nothing. Import-only is safe; threads or a started CUDA are not."""
    tasks = len(list(Path("/proc/self/task").iterdir()))
    if tasks != 1:
        return f"importing torch and ultralytics left {tasks} threads"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "importing torch and ultralytics started CUDA"
    return ""


def serve(requests: socket.socket, supervisor: int) -> None:
    """Fork a worker a request until the supervisor closes the socket."""
    while True:
        content, descriptors, _, _ = socket.recv_fds(requests, 4096, 3)
        if not content:
            return
        try:
            _, lane = msgpack.unpackb(content)
            pid = fork_worker(requests, descriptors, supervisor)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        requests.sendall(msgpack.packb(["forked", lane, pid]))


def fork_worker(requests: socket.socket, descriptors: list[int], supervisor: int) -> int:
    """Fork twice; returns the worker's pid in this process and never returns in the worker."""
    told, tell = os.pipe()
    middle = os.fork()
    if middle == 0:
        status = 1
        try:
            os.close(told)
            worker = os.fork()
            if worker:
                os.write(tell, str(worker).encode())
                status = 0
            else:
                os.close(tell)
                requests.close()
                status = become_worker(descriptors, supervisor)
        except BaseException:  # the edge of a forked process: it must never go on as the nursery
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(tell)
    with os.fdopen(told, "rb") as answer:
        pid = int(answer.read())
    os.waitpid(middle, 0)
    return pid


def become_worker(descriptors: list[int], supervisor: int) -> int:
    """In the worker: be the supervisor's child, die with it, and run the lane; returns the exit status."""
    end = time.monotonic() + REPARENT_S
    while os.getppid() != supervisor:
        if time.monotonic() > end:
            return 1
        time.sleep(0.0005)
    prctl.die_with_parent()
    if os.getppid() != supervisor:
        return 1
    events, lifeline, stderr = descriptors
    os.dup2(stderr, 2)
    os.close(stderr)
    gc.enable()
    return worker.run_lane(events, lifeline)


def main() -> int:
    """Import, check, say so, serve."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    supervisor = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.register(signal.SIGUSR1, file=2)
    prctl.die_with_parent()
    if os.getppid() != supervisor:
        return 1
    prctl.call_process("quintet nursery")
    gc.disable()
    try:
        if "models" in sys.argv:
            from quintet.engine.worker.yolo import backend  # noqa: F401  and with it torch, torchvision, ultralytics
    except Exception as error:  # whatever an import raises, the lanes' own processes will say it better
        traceback.print_exc()
        requests.sendall(msgpack.packb(["nursery", False, f"importing failed: {type(error).__name__}: {error}"[:300]]))
        return 1
    reason = unfit()
    requests.sendall(msgpack.packb(["nursery", not reason, reason]))
    if reason:
        return 1
    gc.freeze()  # what was imported is shared by all workers; collections must not touch its pages
    serve(requests, supervisor)
    return 0


if __name__ == "__main__":
    sys.exit(main())
