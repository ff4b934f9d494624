"""Objects that notebooks and prompts show in a few lines."""

from abc import abstractmethod
from collections.abc import Mapping
from html import escape

from seqlift.system.printable import printable


class Described:
    """Something that is shown as a table of facts, as text and as HTML."""

    __slots__ = ()

    @abstractmethod
    def facts(self) -> Mapping[str, str]:
        """List what it is, in words."""

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {printable(value)}" for name, value in self.facts().items())

    def _repr_html_(self) -> str:
        cells = (
            f"<tr><th>{escape(name)}</th><td>{escape(printable(value))}</td></tr>"
            for name, value in self.facts().items()
        )
        return f"<table>{''.join(cells)}</table>"
