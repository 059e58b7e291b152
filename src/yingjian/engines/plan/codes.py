"""Site, station and box codes (点码, 台码, 箱码): digits only, each level begins with the one above.

    点码  231183101201 003              region 12 + site 3                            15 digits
    台码  231183101201 003 01           点码 + station 2                               17 digits
    箱码  231183101201 003 01 02 01 007 5   台码 + campaign 2 + round 2 + serial 3 + check 1   25 digits

Tubes carry the manufacturer's barcode; the house only counts them. A box code is typed by hand
when its label is wet or torn, so it ends in a check digit: ISO 7064 MOD 11,10, which keeps the
code numeric and finds every single wrong digit and nearly every swap of two neighbours. Starting
from 10: add the next digit, take mod 10 (0 becomes 10), double, take mod 11; the check digit
brings the last sum to 1 mod 10. Widths are the house's own (the plans name the codes, not the
widths); campaign and round numbers count on and wrap at 100.
"""

from __future__ import annotations

import re

PROVINCE, REGION, SITE, STATION, BOX = 2, 12, 15, 17, 25
SITES_PER_AREA, STATIONS_PER_SITE, BOXES_PER_STATION = 999, 99, 999
_DIGITS = re.compile(r"[0-9]+")


def region_code(area: str) -> str:
    """The 12-digit code of an area prefix. Raises `ValueError` for anything but 2–12 digits."""
    if not _DIGITS.fullmatch(area) or not PROVINCE <= len(area) <= REGION:
        raise ValueError(f"not a region: {area!r}")
    return area.ljust(REGION, "0")


def check_digit(digits: str) -> str:
    """ISO 7064 MOD 11,10 check digit of a string of digits."""
    if not _DIGITS.fullmatch(digits):
        raise ValueError(f"digits only: {digits!r}")
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def _part(number: int, width: int, most: int, what: str) -> str:
    if not 1 <= number <= most:
        raise ValueError(f"{what} {number} is outside 1–{most}")
    return f"{number:0{width}d}"


def site_code(area: str, number: int) -> str:
    """点码: the village's 12 digits and a serial from 1."""
    return region_code(area) + _part(number, 3, SITES_PER_AREA, "site")


def station_code(site: str, number: int) -> str:
    """台码: the site's code and the lane's number from 1."""
    if len(site) != SITE:
        raise ValueError(f"not a site code: {site!r}")
    return site + _part(number, 2, STATIONS_PER_SITE, "station")


def box_code(station: str, campaign: int, round_no: int, serial: int) -> str:
    """箱码: the station's code, campaign and round (mod 100), serial from 1, check digit."""
    if len(station) != STATION:
        raise ValueError(f"not a station code: {station!r}")
    body = (
        f"{station}{campaign % 100:02d}{round_no % 100:02d}"
        f"{_part(serial, 3, BOXES_PER_STATION, 'box')}"
    )
    return body + check_digit(body)


def box_code_holds(code: str) -> bool:
    """True when a typed box code has the right length, digits and check digit."""
    return bool(_DIGITS.fullmatch(code)) and len(code) == BOX and check_digit(code[:-1]) == code[-1]


def station_of_box(code: str) -> str:
    """The 台码 inside a box code. Raises `ValueError` when the code does not hold."""
    if not box_code_holds(code):
        raise ValueError(f"not a box code: {code!r}")
    return code[:STATION]
