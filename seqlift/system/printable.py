r"""Make text from files of any origin harmless to show, and fit for one line.

Characters that a terminal would obey (escape sequences, a carriage return), that reverse the
direction of reading, and that some readers take for the end of a line (``\x85``, U+2028) become
escapes. Everything that is shown passes through here, by `seqlift.cli.screen`.
"""


def printable(text: str) -> str:
    r"""Write every character but letters, digits, signs and spaces as an escape, ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
