"""What the sandbox gives up before it touches an artefact. Best effort, and honest about it."""

import ctypes
import math
import os
import resource
import signal
import tempfile

# linux/sched.h and linux/prctl.h
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

# How the first half of the sandbox tells the second.
NETWORK_LEFT = "network-left"
# Enough for the pipes and for libraries that open a file while they work.
OPEN_FILES = 64


def confine(*, cpu_seconds: int, memory_bytes: int) -> dict[str, bool]:
    """Takes every limit that the system grants and says which of them hold."""
    held = {
        "privileges": _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "parent": _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
        "directory": _enter_nowhere(),
        "cpu": allow_cpu(cpu_seconds),
        "memory": _limit(resource.RLIMIT_AS, memory_bytes),
        "writing": _limit(resource.RLIMIT_FSIZE, 0),
        "processes": _limit(resource.RLIMIT_NPROC, 0),
        "open_files": _limit(resource.RLIMIT_NOFILE, OPEN_FILES),
        "core_dump": _limit(resource.RLIMIT_CORE, 0),
    }
    os.environ.clear()
    return held


def allow_cpu(seconds: int) -> bool:
    """So much processor time from now on: a sandbox that lives long must not run dry by itself."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(spent.ru_utime + spent.ru_stime) + seconds
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    except (OSError, ValueError):
        return False
    return True


def leave_network() -> bool:
    """An empty network of its own; an ordinary user needs a user namespace for that."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return False
    return libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0


def _limit(what: int, amount: int) -> bool:
    try:
        resource.setrlimit(what, (amount, amount))
    except (OSError, ValueError):
        return False
    return True


def _prctl(option: int, value: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return hasattr(libc, "prctl") and libc.prctl(option, value, 0, 0, 0) == 0


def _enter_nowhere() -> bool:
    """A directory that is already gone: nothing is in it and nothing can be put into it."""
    folder = tempfile.mkdtemp(prefix="predictor-")
    os.chdir(folder)
    os.rmdir(folder)
    return True
