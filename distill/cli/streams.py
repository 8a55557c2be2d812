"""Standard streams that take every text, whatever their encoding is."""

import codecs
import os
import sys
from io import TextIOWrapper

READABLE = "distill.readable"  # name of the error handler
# Signs of our own messages in ASCII. Others are escaped, as in \u00e9.
SIGNS = {
    **{"…": "...", "–": "-", "—": "-", "−": "-", "×": "x", "→": "->", "·": "-", "±": "+/-"},
    **{"“": '"', "”": '"', "\u2018": "'", "\u2019": "'", "≤": "<=", "≥": ">=", "†": "+"},
}


def prepare_streams() -> None:
    """Let the standard streams take every text, and open those that the caller has closed."""
    _occupy_closed_streams()
    codecs.register_error(READABLE, _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=READABLE)


def typed(text: str) -> str:
    """Return a typed text as UTF-8, even if the locale is not.

    In such a locale, Python gives each byte of an argument that is not ASCII as a surrogate.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Return the signs of a text that an encoding lacks in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    shown = (SIGNS.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in signs)
    return "".join(shown), error.end


def _occupy_closed_streams() -> None:
    """Open the null device for each standard stream that the caller has closed.

    Otherwise, the next opened file, a store or a lock, would get the stream's number and receive
    its messages.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))
