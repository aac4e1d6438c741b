"""Check digits of numbers that identify a person or an account. Pure; each takes what a pattern found."""

import ipaddress
import re
from collections.abc import Callable
from typing import Final

_NOT_DIGIT: Final = re.compile(rb"[^0-9]")
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")
_ZERO: Final = ord("0")
_SEPARATOR: Final = re.compile(rb"[ .-]")
_FIRST_DIGITS: Final = re.compile(
    rb"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|(?:5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|3(?:0[0-5]|[689])[0-9]{11,16}"
    rb"|35[2-8][0-9]{13}|6(?:011|5|4[4-9]|2)[0-9]{12,17}"
)
"""ISO/IEC 7812: who issues cards of this length. Anything else is a card only if it is called one."""
_IBAN_LENGTHS: Final = {
    b"AT": 20, b"BE": 16, b"BG": 22, b"BR": 29, b"CH": 21, b"CY": 28, b"CZ": 24, b"DE": 22, b"DK": 18, b"EE": 20,
    b"ES": 24, b"FI": 18, b"FR": 27, b"GB": 22, b"GR": 27, b"HR": 21, b"HU": 28, b"IE": 22, b"IL": 23, b"IS": 26,
    b"IT": 27, b"LI": 21, b"LT": 20, b"LU": 20, b"LV": 21, b"MT": 31, b"NL": 18, b"NO": 15, b"PL": 28, b"PT": 25,
    b"RO": 24, b"SA": 24, b"SE": 24, b"SI": 19, b"SK": 24, b"TR": 26, b"UA": 29, b"AE": 23,
}  # fmt: skip
_NATIONAL_LETTERS: Final = b"TRWAGMYFPDXBNJZSQVHLCKE"
_FISCAL_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)  # fmt: skip


def digits(value: bytes) -> bytes:
    return _NOT_DIGIT.sub(b"", value)


def is_luhn(value: bytes) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit is doubled, and its two digits are added."""
    doubled = value[-2::-2].translate(_DOUBLED)
    return (sum(value[-1::-2]) + sum(doubled) - _ZERO * len(value)) % 10 == 0


def is_card(value: bytes, named: Callable[[], bool]) -> bool:
    """named: tells whether it is called a card in the text; then any issuer will do."""
    number = digits(value)
    return (
        is_luhn(number)
        and len(set(number)) > 1
        and (_FIRST_DIGITS.fullmatch(number) is not None or named())
    )


def is_iban(value: bytes) -> bool:
    """ISO 13616: 97 divides it once the first four characters stand last and letters are numbers."""
    compact = value.replace(b" ", b"")
    length = _IBAN_LENGTHS.get(compact[:2], len(compact))
    if len(compact) != length:
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(chr(char), 36)) for char in turned)) % 97 == 1


def is_social_security(value: bytes) -> bool:
    """US: no area 000 or 666, no group 00, no serial 0000."""
    number = digits(value)
    return number[:3] not in (b"000", b"666") and number[3:5] != b"00" and number[5:] != b"0000"


def is_spanish(value: bytes) -> bool:
    """DNI and NIE: the letter follows from the number."""
    compact = value.replace(b"-", b"").replace(b" ", b"")
    number = compact[:-1].translate(bytes.maketrans(b"XYZ", b"012"))
    return _NATIONAL_LETTERS[int(number) % 23] == compact[-1]


def is_brazilian(value: bytes) -> bool:
    """CPF: two check digits."""
    number = [digit - 48 for digit in digits(value)]
    if len(set(number)) == 1:
        return False
    return all(
        sum((length + 1 - place) * number[place] for place in range(length)) * 10 % 11 % 10
        == number[length]
        for length in (9, 10)
    )


def is_italian(value: bytes) -> bool:
    """Codice fiscale: the last letter follows from the others."""
    total = 0
    for place, char in enumerate(value[:15]):
        number = char - (48 if char < 58 else 65)  # noqa: PLR2004 - digits and letters count alike
        total += number if place % 2 else _FISCAL_ODD[number]
    return total % 26 == value[15] - 65


def is_french(value: bytes) -> bool:
    """NIR: 97 less the rest of the first thirteen digits."""
    number = digits(value)
    return 97 - int(number[:13]) % 97 == int(number[13:])


def is_polish(value: bytes) -> bool:
    """PESEL: weights 1 3 7 9."""
    number = [digit - 48 for digit in digits(value)]
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    return -sum(map(int.__mul__, weights, number)) % 10 == number[10]


def is_dutch(value: bytes) -> bool:
    """BSN: the eleven test."""
    number = [digit - 48 for digit in digits(value)]
    return (sum((9 - place) * number[place] for place in range(8)) - number[8]) % 11 == 0


def is_public_address(value: bytes) -> bool:
    """An address of the internet: not of a private net, and no version that looks like one."""
    try:
        address = ipaddress.ip_address(value.decode())
    except ValueError:
        return False
    return address.is_global and (address.version == 6 or max(address.packed) > 31)  # noqa: PLR2004 - 1.2.3.4
