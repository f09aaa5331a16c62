"""The command line: `gantune VERB`. Each verb is a few lines over the package."""

from __future__ import annotations

import errno
import os
import sys
import traceback

from typer.exceptions import TyperException

from gantune.cli import attach, lists, probe, reading, replay, runs, sweeps
from gantune.cli.app import app
from gantune.errors import UserError

__all__ = ["app", "attach", "lists", "main", "probe", "reading", "replay", "runs", "sweeps"]

OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # what a write reports without naming its file


def main() -> None:
    """Run one verb. Exit code 0 on success, 2 for a user's mistake, 130 after Ctrl-C, 1 for a defect of ours.

    A verb has its own codes for other outcomes, as 1 for a sweep that saw no use in going on.
    """
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    sys.exit(_run(arguments, debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        code = app(arguments, prog_name="gantune", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except UserError as error:
        if debug:
            traceback.print_exc()
        _complain(str(error))
        return 2
    except TyperException as error:
        context = getattr(error, "ctx", None)
        _complain(f"{error.format_message()}\nSee: {context.command_path if context else 'gantune'} --help")
        return 2
    except KeyboardInterrupt:
        _complain("stopped.")
        return 130
    except PermissionError as error:
        _complain(f"{error.filename or 'a file'} cannot be written or read: {error.strerror}. Give another place.")
        return 2
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None and error.errno not in OF_DISKS:
            return _defect(error, debug)
        if debug:
            traceback.print_exc()
        _complain(f"{error.filename or 'a file'}: {error.strerror}.")
        return 2
    except Exception as error:  # noqa: BLE001  # the last line of defence: a traceback on demand only
        return _defect(error, debug)


def _defect(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    _complain(f"a defect in gantune: {type(error).__name__}: {error}\nRun it again with --debug for the traceback.")
    return 1


def _complain(message: str) -> None:
    lines = message.strip().splitlines()
    print("\n".join(["gantune: " + lines[0], *lines[1:4]]), file=sys.stderr)
