"""Objects that close, finish or discard their work where a `with` block ends."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """Something that is closed where its `with` block ends, whatever happened in it."""

    @abstractmethod
    def close(self) -> None:
        """Write what is held back, and let go of what is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(failed=kind is not None)

    def _end(self, *, failed: bool) -> None:
        del failed
        self.close()


class Finishing(Closing):
    """Something that is finished where its `with` block ends, and discarded where that fails."""

    @abstractmethod
    def discard(self) -> None:
        """Close and remove what is not finished."""

    def _end(self, *, failed: bool) -> None:
        if failed:
            self.discard()
            return
        try:
            self.close()
        except BaseException:  # the last bytes did not fit
            self.discard()
            raise
