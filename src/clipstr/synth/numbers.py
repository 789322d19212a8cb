"""Numbers and addresses in the forms that signs and labels have: prices, times, plates, web addresses."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["contact", "number"]

Chance = np.random.Generator

_UNITS = "th st nd rd am pm AM PM km mm cm ft kg g ml cl mg L m s h hrs min MB GB V W A kW hp mph km/h"
_CURRENCIES = "$ $ $ € £ ¥ Rs. US$ kr CHF"
_DOMAINS = "com com com com net org co.uk de fr it es nl eu info in cn ca com.au co"
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"


def number(rng: Chance) -> str:
    """A number: plain most often, or a price, a time, a date, a measure, a share, a room, a year."""
    forms: tuple[Callable[[Chance], str], ...] = (
        *(_plain,) * 5,
        *(_price,) * 3,
        _time,
        _time,
        _date,
        _measure,
        _measure,
        _share,
        _room,
        _room,
        _year,
        _grouped,
    )
    return forms[int(rng.integers(len(forms)))](rng)


def contact(rng: Chance, words: Sequence[str]) -> str:
    """A phone number, a plate, a web or e-mail address, a handle; names are made of ``words``."""
    forms = (_phone, _phone, _plate, _code)
    chance = int(rng.integers(8))
    if chance < len(forms):
        return forms[chance](rng)
    name = "".join(filter(str.isalnum, _one(rng, words).lower())) or "shop"
    domain = f"{name}.{_one(rng, _DOMAINS.split())}"
    written = (
        f"www.{domain}",
        domain,
        f"{_one(rng, ('info', 'sales', 'mail', 'contact', 'hello', name[:1]))}@{domain}",
        _one(rng, (f"@{name}", f"#{name}", f"/{name}", f"http://{domain}")),
    )[chance - len(forms)]
    return written.upper() if rng.random() < 0.15 else written


def _one(rng: Chance, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _digits(rng: Chance, count: int) -> str:
    return "".join(map(str, rng.integers(10, size=count)))


def _whole(rng: Chance) -> str:
    """A whole number without a leading zero, short ones more often."""
    size = int(rng.choice((1, 1, 2, 2, 2, 3, 3, 3, 4, 4)))
    return str(int(rng.integers(10 ** (size - 1), 10**size)))


def _plain(rng: Chance) -> str:
    if rng.random() < 0.4:
        return _digits(rng, int(rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7))))
    return _whole(rng)


def _price(rng: Chance) -> str:
    cents = _one(rng, ("99", "95", "00", "50", "49", "90", _digits(rng, 2)))
    amount = _whole(rng) + (_one(rng, (".", ".", ",")) + cents if rng.random() < 0.6 else "")
    currency = _one(rng, _CURRENCIES.split())
    return _one(rng, (currency + amount, currency + amount, amount + currency, amount, amount + "/-"))


def _time(rng: Chance) -> str:
    hours, minutes = (
        int(rng.integers(1, 24)),
        _one(rng, ("00", "00", "30", "15", "45", _digits(rng, 1) + "5")),
    )
    half = _one(rng, ("am", "pm", "AM", "PM", "a.m.", "p.m."))
    forms = (
        f"{hours}:{minutes}",
        f"{hours:02}:{minutes}",
        f"{hours % 12 + 1}{half}",
        f"{hours % 12 + 1}:{minutes}{half}",
        f"{hours}.{minutes}",
        f"{hours % 12 + 1}-{int(rng.integers(1, 13))}",
        f"{hours}h{minutes}",
    )
    return _one(rng, forms)


def _date(rng: Chance) -> str:
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(1950, 2031))
    name = _MONTHS.split()[month - 1]
    forms = (
        f"{day}/{month}/{year}",
        f"{day:02}.{month:02}.{year}",
        f"{month}/{day}",
        f"{year}-{month:02}-{day:02}",
        f"{day:02}.{month:02}.{year % 100:02}",
        f"{name}{day}",
        f"{day}-{name}-{year % 100:02}",
        f"'{year % 100:02}",
    )
    return _one(rng, forms)


def _measure(rng: Chance) -> str:
    return _whole(rng) + _one(rng, _UNITS.split())


def _share(rng: Chance) -> str:
    return _one(rng, ("", "", "", "-", "+")) + str(int(rng.integers(1, 101))) + "%"


def _room(rng: Chance) -> str:
    letter = string.ascii_uppercase[int(rng.integers(26))]
    whole = _whole(rng)
    return _one(rng, (letter + whole, f"{letter}-{whole}", whole + letter, f"#{whole}", f"No.{whole}"))


def _year(rng: Chance) -> str:
    year = int(rng.integers(1750, 2031))
    return _one(rng, (str(year), str(year), f"{year}s", f"{year}-{year % 100 + 1:02}", f"({year})"))


def _grouped(rng: Chance) -> str:
    return f"{int(rng.integers(1000, 10_000_000)):,}"


def _phone(rng: Chance) -> str:
    area, first, last = _digits(rng, 3), _digits(rng, 3), _digits(rng, 4)
    forms = (
        f"{first}-{last}",
        f"{area}-{first}-{last}",
        f"({area}){first}-{last}",
        f"{area}.{first}.{last}",
        f"+{int(rng.integers(1, 99))}{area}{first}{last[:2]}",
        f"0{area}/{first}{last[:2]}",
        f"1-800-{first}-{last}",
        f"0{area[:2]}{first}{last}",
    )
    return _one(rng, forms)


def _letters(rng: Chance, count: int) -> str:
    return "".join(string.ascii_uppercase[i] for i in rng.integers(26, size=count))


def _plate(rng: Chance) -> str:
    forms = (
        _letters(rng, 3) + _digits(rng, 3),
        f"{_letters(rng, 2)}{_digits(rng, 2)}{_letters(rng, 3)}",
        f"{_letters(rng, 2)}-{_digits(rng, 3)}-{_letters(rng, 2)}",
        f"{_digits(rng, 1)}{_letters(rng, 3)}{_digits(rng, 3)}",
        f"{_letters(rng, 3)}-{_digits(rng, 4)}",
    )
    return _one(rng, forms)


def _code(rng: Chance) -> str:
    """A part number."""
    size = (int(rng.integers(1, 4)), int(rng.integers(2, 5)))
    return _letters(rng, size[0]) + _one(rng, ("", "-", "/", ".")) + _digits(rng, size[1])
