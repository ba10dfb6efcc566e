"""What a cell's text may be, in workbooks and tables alike: no error of a spreadsheet's, no line break, all visible."""

import re
import unicodedata

# Excel's (#N/A, #REF!), in its languages (#NV, #WERT!, #¡VALOR!); a column too narrow (####); LibreOffice's; Google's.
_ERROR = re.compile(
    r"#(?:N/[AD]|NV|GETTING_DATA|##+|[¡¿]?[^\W\d_][\w/. ]*[!?])|Err:\d{3}|Loading(?:\.\.\.|…)", re.IGNORECASE
)
# All at which Python and other programs end a line, and what else controls instead of being shown; but for tabs.
_BREAK = re.compile("[\0-\x08\n-\x1f\x7f-\x9f\u2028\u2029]")


def is_error(text: str) -> bool:
    """Whether a text is how a spreadsheet shows that it has no value."""
    return bool(_ERROR.fullmatch(text))


def has_break(text: str) -> bool:
    """Whether a text is of several lines, to whatever program."""
    return bool(_BREAK.search(text))


def visible(text: str) -> str:
    """The text without the characters that nobody sees, such as a zero-width space: they would make another value."""
    if text.isascii():
        return text
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
