"""Outcomes: words for how something stands or ended, which carry what they mean and how they are shown."""

from enum import StrEnum
from typing import Self


class Outcome(StrEnum):
    """A word with its `description` and its `style`, a colour of the terminal; views ask it for both.

    A member is written `NAME = "word", "what it means", "colour"`, and is its word wherever a text is expected.
    """

    description: str
    style: str

    def __new__(cls, word: str, description: str, style: str) -> Self:
        """The member for this word."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.description, member.style = description, style
        return member
