"""What a failure looks like from the shell: a line per problem, and the exit code of its kind."""

import functools
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from seqlift.errors import SeqliftError

BUG = 1


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with its failures shown as the user should see them.

    TensorFlow is quiet unless asked for with ``-vv``, or by the user's own environment.
    """

    @functools.wraps(command)
    def wrapped(*, debug: bool, verbose: int, **arguments: Any) -> None:
        hush(verbose)
        try:
            command(verbose=verbose, **arguments)
        except BrokenPipeError:
            sys.stdout = None  # nothing is left to be flushed into
            sys.exit(128 + signal.SIGPIPE)
        except click.ClickException:
            raise
        except SeqliftError as error:
            fail(str(error), error.exit_code, debug=debug)
        except KeyboardInterrupt:
            fail("interrupted; no unfinished file is left", 128 + signal.SIGINT, debug=False)
        except MemoryError:
            fail("memory is full; give a smaller --batch-size", 4, debug=debug)
        except Exception as error:  # noqa: BLE001  # the last resort: a bug is reported as one
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            fail(f"bug: {what}; run again with --debug and report what it shows", BUG, debug=debug)

    return wrapped


def fail(message: str, code: int, *, debug: bool) -> None:
    """Show a message of one or more problems, a line each, and leave with `code`."""
    if debug:
        traceback.print_exc()
    for line in message.splitlines():
        click.echo(f"seqlift: {line}", err=True)
    sys.exit(code)


def hush(verbose: int) -> None:
    """Show as much on standard error as was asked for.

    That is what seqlift does (``-v``), and what TensorFlow and warnings meant for developers say
    (``-vv``).
    """
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("seqlift: %(message)s"))
        logging.getLogger("seqlift").handlers = [handler]
        logging.getLogger("seqlift").setLevel(logging.INFO)
    if verbose > 1:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


@contextmanager
def quiet_imports(verbose: int) -> Iterator[None]:
    """Discard what is written to standard error inside, unless asked for with ``-vv``.

    TensorFlow's libraries write there while they are loaded, before they can be told not to.
    """
    if verbose > 1:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
