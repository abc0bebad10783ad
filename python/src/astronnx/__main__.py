"""The command astronnx, as "python -m astronnx" and as the script of this name."""

import os
import pathlib
import signal
import sys

from .model import find_library

COMMAND = pathlib.Path(__file__).with_name("bin") / "astronnx"


def main() -> None:
    """Makes this process the command: arguments, streams, signals and the exit status are its own."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores, and a program that is started would as well
    library = find_library()
    if library:
        os.environ["ASTRONNX_ORT_LIB"] = os.fspath(library)
    os.execv(COMMAND, ["astronnx", *sys.argv[1:]])


if __name__ == "__main__":
    main()
