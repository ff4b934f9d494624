"""Show a failure in the shell: a line for each problem, and the exit code of its kind."""

import errno
import functools
import gc
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

import click

from seqlift.cli.screen import LineFormatter, show
from seqlift.errors import InputError, OutputError, SeqliftError
from seqlift.models.keras_environment import without_settings
from seqlift.system.quiet import hush_tensorflow, no_standard_error

BUG = 1
PROBLEMS_SHOWN = 50
"""Problems that are shown: hundreds of targets may all have the same one."""

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def show_failures(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap `command`, with its failures shown as the user should see them.

    TensorFlow is quiet unless asked for with ``-vv``, or by the user's own environment.
    """

    @functools.wraps(command)
    def wrapped(*, debug: bool, verbose: int, **arguments: Any) -> None:
        os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"  # Keras's reader asks for locks, too
        hush(verbose)
        try:
            with interruptible():
                command(verbose=verbose, **arguments)
        except BrokenPipeError:
            sys.stdout = None  # nothing is left to be flushed into
            sys.exit(128 + signal.SIGPIPE)
        except click.ClickException:  # click shows these, with their usage line
            raise
        except SeqliftError as error:
            fail(*error.lines(PROBLEMS_SHOWN), code=error.exit_code, debug=debug)
        except KeyboardInterrupt as interrupt:
            number, *kept_work = interrupt.args or (signal.SIGINT,)
            message = kept_work[0] if kept_work else "interrupted; no unfinished file is left"
            fail(message, code=128 + number, debug=False)
        except MemoryError:
            remedy = "give a smaller --batch-size, or use a machine with more memory"
            fail(f"memory is full; {remedy}", code=4, debug=debug)
        except OSError as error:
            message, code = refused_by_the_system(error)
            fail(message, code=code, debug=debug)
        except Exception as error:  # noqa: BLE001  # the last resort: a bug is reported as one
            what = f"{type(error).__name__}: {error}".split("\n")[0]
            advice = "run again with --debug and report what it shows"
            fail(f"bug: {what}; {advice}", code=BUG, debug=debug)

    return wrapped


@contextmanager
def interruptible() -> Iterator[None]:
    """Make what ends a job (SIGTERM, SIGHUP) end it as Ctrl-C does: with its files cleared away."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = [n for n in ENDING_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]  # as by nohup
    before = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def refused_by_the_system(error: OSError) -> tuple[str, int]:
    """Find the message and exit code of an operating-system error nobody knew the place of."""
    place = error.filename or "standard input or output"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "free some space" if full else "check the path and its permissions"
    code = OutputError.exit_code if full else InputError.exit_code
    return f"{place}: {error.strerror or error}; {remedy}", code


def fail(*problems: str, code: int, debug: bool) -> None:
    if debug:
        for line in traceback.format_exc().rstrip("\n").split("\n"):
            show(line, err=True)
    for problem in problems:
        show(f"seqlift: {problem}", err=True)
    sys.exit(code)


def hush(verbose: int) -> None:
    """Show as much on standard error as was asked for.

    That is what seqlift does (``-v``), and what TensorFlow and warnings meant for developers say
    (``-vv``).
    """
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(LineFormatter())
        logging.getLogger("seqlift").handlers = [handler]
        logging.getLogger("seqlift").setLevel(logging.INFO)
    if verbose > 1:
        return
    hush_tensorflow()
    warnings.simplefilter("ignore")


@contextmanager
def quiet_imports(verbose: int) -> Iterator[None]:
    """Discard what is written to standard error inside, unless asked for with ``-vv``.

    Keras is imported inside, without the user's own settings of it. TensorFlow's libraries write
    there while they are loaded, before they can be silenced. What is made while they are loaded
    stays to the end: it is never looked through for garbage, which would take 0.6 seconds while
    loading and 0.8 at the end.
    """
    gc.disable()
    try:
        with without_settings(), nullcontext() if verbose > 1 else no_standard_error():
            yield
    finally:
        gc.enable()
        gc.freeze()
