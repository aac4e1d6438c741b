r"""Personal data that has a check digit or a shape of its own, or is called by its name.

Names, addresses of houses and what only the meaning tells are not looked for.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from yett.sanitising.detectors.numbers import (
    digits,
    is_brazilian,
    is_card,
    is_dutch,
    is_french,
    is_iban,
    is_italian,
    is_luhn,
    is_polish,
    is_public_address,
    is_social_security,
    is_spanish,
)
from yett.sanitising.detectors.rules import Check, Rule, anything

_CARD_NAMES: Final = re.compile(
    rb"card|visa|master|amex|american express|maestro|discover|diners|credit|debit|\bpan\b|karte|carte|tarjeta",
    re.IGNORECASE,
)
_CARD_REACH: Final = 48
_PHONE_DIGITS: Final = range(7, 16)
_DATE: Final = re.compile(rb"(?:19|20)[0-9]{2}[-/. ][01]?[0-9][-/. ][0-3]?[0-9]\b|[0-3]?[0-9][/.][01]?[0-9][/.](?:19|20)?[0-9]{2}\b")  # fmt: skip
_TOP_LEVEL: Final = re.compile(rb"\.(?:[A-Za-z]{2,18}|xn--[A-Za-z0-9-]{2,50})$")
_FILE: Final = re.compile(
    rb"\.(?:png|jpe?g|gif|svg|webp|css|js|ts|py|json|md|txt|html?|ya?ml|zip|gz|service|local)$",
    re.IGNORECASE,
)
_NOBODY: Final = (b"git@", b"noreply@", b"no-reply@", b"user@", b"username@")

_PHONE_WORDS: Final = (
    r"(?:tele)?phone|tel\b|tel\.|mobile|mob\.|cell(?:ular)?|fax|desk|office|whatsapp|sms|call(?:ed|ing)?\b|"
    r"contact|dial|hotline|text (?:me|us)|ring (?:me|us)|reach (?:me|us|him|her|them)|answering at|messages? (?:to|on|from)|registered|"
    r"telefon|t[eé]l[eé]fono|t[eé]l[eé]phone|handy|mobil|rufnummer|numero|n[uú]mero"
)
_DIGITS: Final = r"(?:[0-9][ ./()-]{0,3}){6}[0-9]"
_PHONE: Final = r"(?:\+|\b)?\(?[0-9](?:[ ./()-]{0,3}[0-9]){6,13}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?"


def _phone(match: Any) -> bool:
    value = match.group(1) if match.re.groups else match.group()
    number = re.split(rb"x|ext", value)[0]
    return (
        len(digits(number)) in _PHONE_DIGITS
        and len(set(digits(number))) > 2  # noqa: PLR2004 - 000-0000
        and not _DATE.match(value)
        and (number.count(b".") != 3 or number.startswith(b"+"))  # noqa: PLR2004 - an IP address
        and number.count(b"(") == number.count(b")")
    )


def _card(match: Any) -> bool:
    return is_card(match.group(), partial(_is_called_a_card, match))


def _is_called_a_card(match: Any) -> bool:
    start, end = match.span()
    around = match.string[max(0, start - _CARD_REACH) : start] + match.string[end : end + 16]
    return _CARD_NAMES.search(around) is not None


def _mail(match: Any) -> bool:
    address = match.group()
    return (
        _TOP_LEVEL.search(address) is not None
        and not _FILE.search(address)
        and not address.lower().startswith(_NOBODY)
        and b".." not in address
    )


def _by_group(check: Callable[[bytes], bool]) -> Check:
    return lambda match: check(match.group(match.re.groups))


def _personal(
    name: str,
    pattern: str,
    hint: str,
    check: Check = anything,
    *,
    group: int = 0,
    also: str = "",
) -> Rule:
    shape = not hint.startswith("(?i:")  # a word otherwise
    return Rule(
        name, pattern.encode(), hint.encode(), check, group, "personal", shape, also.encode()
    )


def _called(name: str, words: str, value: str, check: Check = anything) -> Rule:
    """A number that only its name tells from others."""
    pattern = rf"(?i:{words})[^0-9\n]{{0,30}}?\b({value})\b"
    # In JSON a letter may stand before a word that begins a line: the `n` of the line break.
    return _personal(name, pattern, rf"(?i:{words})".replace(r"\b", ""), check, group=1)


RULES: Final = (
    _personal("email", r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}", r"[A-Za-z0-9._%+'-]@[A-Za-z0-9-]", _mail),
    _personal("credit-card", r"\b[0-9](?:[ -]?[0-9]){11,18}\b", r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}|3[47][0-9]{2}[ -][0-9]{6}", _card),
    _personal("iban", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}", _by_group(is_iban)),
    _personal("us-social-security", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", r"[0-9]{3}-[0-9]{2}-[0-9]{4}", _by_group(is_social_security)),
    _called("us-social-security", r"\bssn\b|social security", r"[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}", _by_group(is_social_security)),
    _personal("uk-national-insurance", r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b", r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"),
    _personal("es-identity", r"\b(?:[0-9]{8}|[XYZ][- ]?[0-9]{7})[- ]?[TRWAGMYFPDXBNJZSQVHLCKE]\b", r"[0-9]{7}[- ]?[A-Z]", _by_group(is_spanish)),
    _personal("br-cpf", r"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b", r"\.[0-9]{3}-[0-9]{2}", _by_group(is_brazilian)),
    _personal("it-codice-fiscale", r"\b[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]\b", r"[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}", _by_group(is_italian)),
    _personal("fr-nir", r"\b[12] ?[0-9]{2} ?[01][0-9] ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b", r"[0-9](?: ?[0-9]){12}", _by_group(is_french)),
    _called("pl-pesel", r"\bpesel\b", r"[0-9]{11}", _by_group(is_polish)),
    _called("nl-bsn", r"\bbsn\b|burgerservicenummer|sofinummer", r"[0-9]{9}", _by_group(is_dutch)),
    _called("ca-sin", r"\bsin\b ?(?:number|no|#|:|is)|social insurance", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", _by_group(lambda value: is_luhn(digits(value)))),
    _called("in-aadhaar", r"aadhaar|\buidai\b", r"[2-9][0-9]{3} ?[0-9]{4} ?[0-9]{4}"),
    _called("tax-number", r"\b(?:tax|fiscal|steuer)[ -]?(?:payer )?(?:id|identification|number|nummer|no)\b|\b(?:itin|tin|ein|vat) ?(?:number|no|id|:|is)", r"[0-9]{2}-?[0-9]{7}|9[0-9]{2}-?[0-9]{2}-?[0-9]{4}|[0-9]{10,11}"),
    _called("passport", r"passport|reisepass|pasaporte|passeport", r"[A-Z]{0,2}[0-9]{6,9}|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}"),
    _personal("driving-licence", r"(?i:driver'?s? licen[sc]e|driving licen[sc]e|\bdl (?:no|number|#))[^0-9\n]{0,24}?\b([A-Z]{0,3}[0-9][A-Z0-9-]{4,17})\b", r"(?i:driver.?s? licen|driving licen|dl (?:no|num|#))", group=1),
    _personal("date-of-birth", r"(?i:\bborn\b|date of birth|birth ?date|\bd\.?o\.?b\b|birthday|geburtsdatum|geboren|fecha de nacimiento|date de naissance)[^0-9\n]{0,20}([0-9]{1,4}[-/. ][0-9]{1,2}[-/. ][0-9]{2,4}|[0-9]{1,2}(?:st|nd|rd|th)? [A-Z][a-z]{2,8},? [0-9]{4})\b", r"(?i:born|birth|d\.?o\.?b|geburt|geboren|nacimiento|naissance)", group=1),
    _personal("ip-address", r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b", r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", _by_group(is_public_address)),
    _personal("ip-address", r"\b(?:[0-9a-fA-F]{1,4}:){3,7}(?::|[0-9a-fA-F]{1,4})(?::?[0-9a-fA-F]{1,4}){0,4}\b", r"[0-9a-fA-F]:[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}:", _by_group(is_public_address)),
    _personal("phone", r"\+[1-9][0-9]{0,2}(?:[ ./()-]{0,3}[0-9]){6,13}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?\b", r"\+[1-9][0-9]{0,2}[ ./()-]{0,3}[0-9]{1,4}", _phone),
    _personal("phone", r"(?:\b1[ .-])?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[.-][0-9]{4}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?\b", r"[0-9]{2}\)? ?[ .-]?[0-9]{3}[.-][0-9]{4}", _phone),
    _personal("phone", r"\b00[1-9][0-9]{0,2}[ .-][0-9](?:[ ./()-]{0,3}[0-9]){6,12}\b", r"00[1-9][0-9]{0,2}[ .-][0-9]", _phone),
    _personal("phone", rf"(?i:\b(?:{_PHONE_WORDS}))(?:[^0-9\n+(]{{0,24}}?|[^0-9+(]{{0,4}})({_PHONE})\b", rf"(?i:{_PHONE_WORDS})".replace(r"\b", ""), _phone, group=1, also=_DIGITS),
    _personal("phone", r"(\(?\b[0-9](?:[ ./()-]{0,3}[0-9]){6,13})[\\ ,;-]{1,3}\(?(?i:office|fax|mobile|cell|home|work|desk)\b", r"[0-9][\\ ,;-]{1,6}\(?(?i:office|fax|mobile|cell|home|work|desk)", _phone, group=1),
)  # fmt: skip

_CALLED_PHONE: Final = re.compile(rf"(?:{_PHONE_WORDS})", re.IGNORECASE)
_PHONE_VALUE: Final = re.compile(rb"[(+0-9][0-9 ./()x+-]{5,24}")
_PHONE_BEGINS: Final = frozenset("+(0123456789")
_NAME_CHARS_MAX: Final = 64


def is_named_personal(name: str, value: str) -> str | None:
    """Return the finding, if a member of an object is a number of a telephone by its name and looks like one."""
    if value[:1] not in _PHONE_BEGINS or len(value) > _NAME_CHARS_MAX:
        return None
    if not _CALLED_PHONE.search(name[-_NAME_CHARS_MAX:]):
        return None
    encoded = value.encode()
    fits = _PHONE_VALUE.fullmatch(encoded) and len(digits(encoded)) in _PHONE_DIGITS
    return "personal:phone" if fits and not _DATE.match(encoded) else None
