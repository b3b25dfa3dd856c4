"""Field rules shared by the apps."""

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from catalog.addresses import BadAddress, parsed

#: Identifiers that people compare by eye when they sign: no look-alikes, no invisible characters.
identifier = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z",
    "Begin with a letter or digit; go on with letters, digits, dots, dashes, underscores or +.",
)
sha256 = RegexValidator(r"^[0-9a-f]{64}\Z", "A SHA-256 has 64 hexadecimal digits.")


def web_address(value: str) -> None:
    """Refuse an address that two readers could read differently."""
    try:
        parsed(value)
    except BadAddress as error:
        raise ValidationError(str(error)) from error


def visible_text(value: str) -> None:
    """Refuse characters that make a text read differently from what it holds.

    Control, format and surrogate characters include the bidirectional overrides with which a
    name can be made to look like another one, and NUL, which PostgreSQL cannot store.
    """
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in "\n\r\t":
            raise ValidationError(
                f"The text holds an invisible character (U+{ord(character):04X}). Remove it."
            )
