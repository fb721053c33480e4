"""Becomes another program that dies with its parent. Run by `children.command_line` only.

Arguments: the parent's pid, the signal to get when it dies, uid, gid (-1: stay), the command.
A program of its own, because code between fork and exec may deadlock in a process with threads,
and because a change of uid clears the kernel's setting.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, dying, uid, gid = (int(word) for word in sys.argv[1:5])
    command = sys.argv[5:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, dying, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the parent has gone")
    try:
        os.execvpe(command[0], command, os.environ)  # noqa: S606
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


main()
