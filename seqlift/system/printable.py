r"""Text from files of any origin, made harmless to show and to write a line of.

What a terminal would obey (escape sequences, a carriage return), what turns the direction of
reading round, and what some readers take for the end of a line (``\x85``, U+2028) becomes an
escape. Everything that is shown passes through here, by `seqlift.cli.screen`.
"""


def printable(text: str) -> str:
    r"""Write every character that is no letter, digit, sign or space as an escape, ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
