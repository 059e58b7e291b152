"""Run a program as another user, from root. Executed by path, as its own small process.

PostgreSQL refuses to run as root. The files it needs may lie below a directory that no other
user may enter (``/root`` has mode 700), so the program may be left one capability: to walk
through such directories (``CAP_DAC_READ_SEARCH``) or, where the container does not have that
one, to pass file permissions (``CAP_DAC_OVERRIDE``). It gets the least that works, or none.

Usage: ``python privileges.py UID GID CAPABILITY|- PROGRAM ARGUMENT…``
"""

import ctypes
import os
import sys

CAPABILITIES = {"-": None, "search": 2, "override": 1}  # numbers from linux/capability.h

_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def become(uid: int, gid: int, capability: int | None) -> None:
    """Give up root for ``uid``/``gid``, keeping at most one capability across ``exec``.

    Raises OSError where the kernel or the container does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def call(result: int, what: str) -> None:
        if result != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"{what}: {os.strerror(error)}")

    if capability is not None:
        # Keeps capabilities through setuid, and lets access(2), which PostgreSQL's programs ask
        # for each other, count them too.
        call(
            libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0),
            "keep capabilities as another user",
        )
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability is None:
        return
    bit = 1 << capability
    sets = (_Sets * 2)(_Sets(bit, bit, bit), _Sets(0, 0, 0))
    header = _Header(_CAPABILITY_VERSION_3, 0)
    call(libc.capset(ctypes.byref(header), ctypes.byref(sets)), "set capabilities")
    call(
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0),
        "keep a capability across exec",
    )


def main() -> None:
    """Become the user and execute the program."""
    uid, gid, capability, program, *arguments = sys.argv[1:]
    become(int(uid), int(gid), CAPABILITIES[capability])
    os.execv(program, [program, *arguments])  # noqa: S606  (no shell is the point)


if __name__ == "__main__":
    main()
