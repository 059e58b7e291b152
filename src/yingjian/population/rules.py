"""Pure decisions about people, documents and places. No Django, no clock, no files.

Sources: GB 11643-1999 (citizen identification number), GB/T 2260 + statistical division codes
(12 digits), domain.md §6.3; the rare-name failure of domain.md §7; PIPL Art. 51 (masking).
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Final

from yingjian.population.values import (
    CATEGORY_WORDS,
    ID_TYPE_WORDS,
    RELATION_WORDS,
    SEX_WORDS,
    Category,
    IdType,
    RegionLevel,
    Relation,
    Sex,
)

# -- characters --------------------------------------------------------------------------------

_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
#: Characters that carry nothing in a cell: zero-width marks, bidi marks, byte-order marks.
_INVISIBLE: Final = dict.fromkeys(
    (0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, 0x00AD), None
)
_SPACES: Final = dict.fromkeys((0x00A0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000, 9, 10, 13), 0x20)
_FOLD: Final = {**_FULL_WIDTH, **_INVISIBLE, **_SPACES, 0x2010: 0x2D, 0x2013: 0x2D, 0x2014: 0x2D}

#: Ways offices type the dot between the parts of a name; U+00B7 is the one GB 18030 keeps.
_DOTS: Final = "•‧∙⋅・･●．。"
_NAME_TABLE: Final = {
    **_FULL_WIDTH,
    **_INVISIBLE,
    **_SPACES,
    **{ord(dot): ord("·") for dot in _DOTS},
}

_CJK_RANGES: Final = (
    (0x3400, 0x4DBF),  # extension A
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),  # compatibility ideographs: kept as typed, some are names' own glyphs
    (0x20000, 0x323AF),  # extensions B to H and the compatibility supplement
    (0x2E80, 0x2FDF),  # radicals, which old conversions left in names
)
_VARIATION: Final = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
_PRIVATE: Final = ((0xE000, 0xF8FF), (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))

#: Private-use code points that GBK systems used before the character had a Unicode place.
#: Only pairs fixed by GB 18030-2005/2022 are listed.
PRIVATE_USE_MEANING: Final = {
    0xE863: 0x4DAE,
    0xE81E: 0x9FB4,
    0xE826: 0x9FB5,
    0xE82B: 0x9FB6,
    0xE82C: 0x9FB7,
    0xE832: 0x9FB8,
    0xE843: 0x9FB9,
    0xE854: 0x9FBA,
    0xE864: 0x9FBB,
}

_PLAIN_NAME: Final = re.compile("[一-\u9fff㐀-\u4dbf]{2,6}")


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


def is_cjk(char: str) -> bool:
    """True for a Han ideograph of any Unicode plane (extensions A to H included)."""
    return _within(ord(char), _CJK_RANGES)


def is_private_use(char: str) -> bool:
    """True for a code point whose look depends on the sender's font (造字区)."""
    return _within(ord(char), _PRIVATE)


def fold(text: str) -> str:
    """Full-width letters, digits and spaces to half width; zero-width marks away; ends trimmed.

    For cells that are codes (numbers, dates, phones), never for names: see `normalise_name`.
    """
    if text.isascii():
        return text.strip()
    return text.translate(_FOLD).strip()


# -- names -------------------------------------------------------------------------------------


def _compose(text: str) -> str:
    """NFC, except for Han: NFC would swap compatibility ideographs for other characters."""
    if unicodedata.is_normalized("NFC", text):
        return text
    out: list[str] = []
    run: list[str] = []
    for char in text:
        if is_cjk(char):
            out.append(unicodedata.normalize("NFC", "".join(run)))
            run.clear()
            out.append(char)
        else:
            run.append(char)
    out.append(unicodedata.normalize("NFC", "".join(run)))
    return "".join(out)


def is_plain_name(name: str) -> bool:
    """True for the commonest kind of name, which needs no further look: 2 to 6 Han characters of
    the basic block or extension A."""
    return _PLAIN_NAME.fullmatch(name) is not None


def normalise_name(raw: str) -> str:
    """One spelling per name without losing a character.

    Dots between parts become ·; spaces inside a Han name go, between Latin words one stays;
    full-width Latin becomes half-width; Han characters (also rare, compatibility and private-use
    ones, and variation selectors) are kept exactly as typed (domain.md §7, Shanghai rare names).
    """
    if _PLAIN_NAME.fullmatch(raw):
        return raw
    text = _compose(raw.translate(_NAME_TABLE))
    if any(is_cjk(char) or is_private_use(char) for char in text):
        text = re.sub(r"\s+", "", text).replace(".", "·")
        return re.sub("·+", "·", text).strip("·")
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"\s*·+\s*", "·", text).strip("·")


def name_key(name: str) -> str:
    """Comparison key: no dots, spaces, variation selectors or case; private-use swapped where the
    standard says what it meant. Never shown, never stored as the name."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    kept = (
        chr(PRIVATE_USE_MEANING.get(ord(char), ord(char)))
        for char in name
        if char not in "· -'" and not _within(ord(char), _VARIATION)
    )
    return "".join(kept).casefold()


NAME_MAX: Final = 80


def name_problems(name: str) -> list[tuple[str, dict[str, object]]]:
    """What is odd about a normalised name, as (code, params); empty for a sound one."""
    if not name:
        return [("population.name.missing", {})]
    if _PLAIN_NAME.fullmatch(name):
        return []
    found: list[tuple[str, dict[str, object]]] = []
    if len(name) > NAME_MAX:
        found.append(("population.name.too_long", {"length": len(name), "max": NAME_MAX}))
    if "\ufffd" in name or any(unicodedata.category(char) == "Cc" for char in name):
        found.append(("population.name.garbled", {}))
    if "?" in name or "□" in name or "〓" in name or "*" in name:
        found.append(("population.name.placeholder", {}))
    private = [char for char in name if is_private_use(char)]
    if private:
        meant = PRIVATE_USE_MEANING.get(ord(private[0]))
        found.append(
            (
                "population.name.private_use",
                {"point": f"U+{ord(private[0]):04X}", "meant": chr(meant) if meant else ""},
            )
        )
    if any(char.isdigit() for char in name):
        found.append(("population.name.digits", {}))
    return found


# -- identity documents ------------------------------------------------------------------------

ID_LENGTH: Final = 18
_OLD_ID_LENGTH: Final = 15
ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECK_CHARS: Final = "10X98765432"
_ID_SHAPE: Final = re.compile(r"[0-9]{17}[0-9X]")
EARLIEST_BIRTH: Final = date(1870, 1, 1)

_DOCUMENT_SHAPES: Final = {
    IdType.HK_MACAO_PERMIT: re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?"),
    IdType.TAIWAN_PERMIT: re.compile(r"[0-9]{8}|[0-9]{10}[A-Z]?"),
    IdType.FOREIGN_RESIDENCE: re.compile(r"[A-Z]{3}[0-9]{12}|9[0-9]{16}[0-9X]"),
    IdType.PASSPORT: re.compile(r"[A-Z0-9]{5,17}"),
    IdType.BIRTH_CERTIFICATE: re.compile(r"[A-Z][0-9]{9}"),
    IdType.MILITARY_ID: re.compile(r"[0-9A-Z\u4e00-\u9fff]{5,20}"),
}


@dataclass(frozen=True, slots=True)
class IdFacts:
    """What an identity number says; `problem` is a stable code, or '' when it is sound."""

    number: str
    problem: str = ""
    region: str = ""
    birth_date: date | None = None
    sex: Sex = Sex.UNKNOWN


def clean_id(raw: str) -> str:
    """Identity number as compared and stored: half width, capital letters, no spaces or quotes."""
    text = fold(raw).upper()
    if text.isalnum():
        return text
    return re.sub(r"[\s'\"`‘’“”·-]", "", text)


def id_check_char(first17: str) -> str:
    """Check character of a GB 11643 number from its first 17 digits."""
    total = sum(weight * int(digit) for weight, digit in zip(ID_WEIGHTS, first17, strict=True))
    return ID_CHECK_CHARS[total % 11]


_ROUNDED: Final = re.compile(r"[0-9](?:\.[0-9]+)?E\+?[0-9]{2}")


def looks_rounded(cleaned: str) -> bool:
    """True for what a spreadsheet leaves of a long number: 6.40121E+17, or 15 digits and zeros."""
    return bool(_ROUNDED.fullmatch(cleaned)) or (
        len(cleaned) == ID_LENGTH
        and cleaned.endswith("000")
        and cleaned.isdigit()
        and id_check_char(cleaned[:17]) != "0"
    )


def resident_id(raw: str, *, on: date) -> IdFacts:
    """Check an 18-character citizen number (GB 11643-1999) as of day `on`.

    Problems, in the order a person would repair them: id.missing, id.excel_rounded,
    id.fifteen_digits, id.length, id.characters, id.birth_date, id.future_birth, id.check_digit.
    """
    number = clean_id(raw)
    if not number:
        return IdFacts(number, "population.id.missing")
    if looks_rounded(number):
        return IdFacts(number, "population.id.excel_rounded")
    if len(number) == _OLD_ID_LENGTH and number.isdigit():
        return IdFacts(number, "population.id.fifteen_digits")
    if len(number) != ID_LENGTH:
        return IdFacts(number, "population.id.length")
    if not _ID_SHAPE.fullmatch(number):
        return IdFacts(number, "population.id.characters")
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return IdFacts(number, "population.id.birth_date")
    if born < EARLIEST_BIRTH:
        return IdFacts(number, "population.id.birth_date")
    if born > on:
        return IdFacts(number, "population.id.future_birth")
    if id_check_char(number[:17]) != number[17]:
        return IdFacts(number, "population.id.check_digit")
    sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    return IdFacts(number, "", number[:6], born, sex)


def document(kind: IdType, raw: str, *, on: date) -> IdFacts:
    """Check any supported identity document as of day `on`.

    `IdType.NONE` is sound only without a number: such a person is registered by the village.
    """
    if kind is IdType.RESIDENT_ID or kind is IdType.HMT_RESIDENCE:
        return resident_id(raw, on=on)
    number = clean_id(raw)
    if kind is IdType.NONE:
        return IdFacts(number, "population.id.not_expected" if number else "")
    if not number:
        return IdFacts(number, "population.id.missing")
    if looks_rounded(number):
        return IdFacts(number, "population.id.excel_rounded")
    if not _DOCUMENT_SHAPES[kind].fullmatch(number):
        return IdFacts(number, "population.id.format")
    if kind is IdType.FOREIGN_RESIDENCE and len(number) == ID_LENGTH:
        return IdFacts(
            number, "" if id_check_char(number[:17]) == number[17] else "population.id.check_digit"
        )
    return IdFacts(number)


#: Namespace of the ids that households get from their village and number.
HOUSEHOLDS: Final = uuid.UUID("6f4b2c1e-5a0d-5c39-9a44-7d0f6a2e9b11")


def id_text(kind: IdType | str, number: str) -> str | None:
    """What a document is looked up by: the bare number of a citizen, else its kind and number
    (a passport and a permit may share digits); None without a document."""
    if kind in {IdType.RESIDENT_ID, IdType.HMT_RESIDENCE}:
        return number
    return None if kind == IdType.NONE or not number else f"{kind}:{number}"


# -- telephone ---------------------------------------------------------------------------------

_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE: Final = re.compile(r"(?:0[0-9]{2,3}-?)?[2-9][0-9]{6,7}(?:-[0-9]{1,6})?")
_ABROAD: Final = re.compile(r"\+[1-9][0-9]{5,14}")


def clean_phone(raw: str) -> str:
    """Telephone number as stored: half width, no spaces, no +86 before a mobile number."""
    text = fold(raw)
    if _MOBILE.fullmatch(text):
        return text
    text = re.sub(r"[\s()'‘’]", "", text)
    bare = text.replace("-", "")
    for prefix in ("+86", "0086", "86"):
        if bare.startswith(prefix) and _MOBILE.fullmatch(bare[len(prefix) :]):
            return bare[len(prefix) :]
    if _MOBILE.fullmatch(bare):
        return bare
    return bare if bare.startswith("+") else text


def phone_problem(phone: str) -> str:
    """Stable code of what is wrong with a cleaned number, '' when it can be called."""
    if not phone or _MOBILE.fullmatch(phone):
        return ""
    if _ROUNDED.fullmatch(phone.upper()):
        return "population.phone.excel_rounded"
    if _LANDLINE.fullmatch(phone) or _ABROAD.fullmatch(phone):
        return ""
    return "population.phone.format"


# -- regions -----------------------------------------------------------------------------------

_LEVEL_WIDTHS: Final = {
    RegionLevel.PROVINCE: 2,
    RegionLevel.CITY: 4,
    RegionLevel.COUNTY: 6,
    RegionLevel.TOWN: 9,
    RegionLevel.VILLAGE: 12,
}
_PATH_LEVELS: Final = {width: level for level, width in _LEVEL_WIDTHS.items()}


def clean_region(raw: str) -> str:
    """Region code filled to 12 digits with zeros (a county is often written with 6); '' when the
    text is no region code."""
    text = fold(raw)
    if not text.isdigit() or not text.isascii() or len(text) not in (2, 4, 6, 9, 12):
        return ""
    return text.ljust(12, "0")


def region_level(code: str) -> RegionLevel:
    """Level of a 12-digit code, read from its trailing zeros (GB/T 2260 + town + village)."""
    if code[9:] != "000":
        return RegionLevel.VILLAGE
    if code[6:9] != "000":
        return RegionLevel.TOWN
    if code[4:6] != "00":
        return RegionLevel.COUNTY
    return RegionLevel.CITY if code[2:4] != "00" else RegionLevel.PROVINCE


def region_path(code: str) -> str:
    """Trimmed prefix of a code: 2, 4, 6, 9 or 12 digits. One area lies in another exactly when
    the other's path is a prefix of its own."""
    return code[: _LEVEL_WIDTHS[region_level(code)]]


def region_parent(code: str) -> str:
    """12-digit code of the next level up ('' above a province)."""
    width = len(region_path(code))
    shorter = {12: 9, 9: 6, 6: 4, 4: 2, 2: 0}[width]
    return code[:shorter].ljust(12, "0") if shorter else ""


def region_within(code: str, area: str) -> bool:
    """True when region `code` (12 digits) lies in area path `area` ('' is everywhere)."""
    return code.startswith(area)


_PLACE_TAILS: Final = (
    ("村民委员会", "村"),
    ("居民委员会", "居"),
    ("村委会", "村"),
    ("居委会", "居"),
    ("行政村", "村"),
    ("社区", "居"),
    ("村", "村"),
)


def place_key(name: str) -> tuple[str, str]:
    """(stem, kind) under which offices and the statistics list mean the same place.

    团结社区, 团结居委会 and 团结社区居民委员会 are all ("团结", "居"); 李俊村 and 李俊村委会 are
    ("李俊", "村"), which is another place than ("李俊", "居"). Kind is '' when the name has none.
    """
    text, kind = re.sub(r"\s+", "", fold(name)), ""
    while True:
        for tail, tail_kind in _PLACE_TAILS:
            if text.endswith(tail) and len(text) > len(tail):
                text, kind = text[: -len(tail)], kind or tail_kind
                break
        else:
            return text, kind


# -- words in cells ----------------------------------------------------------------------------


def header_key(raw: str) -> str:
    """Heading without spaces, brackets, stars and case, so that 姓 名*, 姓名： and 姓名 agree."""
    return re.sub(r"[\s*:：()（）\[\]【】_]", "", fold(raw)).lower()


def header_core(raw: str) -> str:
    """Heading without any bracketed remark: 证件号码(必填) → 证件号码."""
    return header_key(re.sub(r"[(（\[【].*?[)）\]】]", "", fold(raw)))


def read_sex(raw: str) -> Sex | None:
    """Sex from a cell; None when the word is unknown."""
    return SEX_WORDS.get(fold(raw).lower())


def read_id_type(raw: str) -> IdType | None:
    """Kind of document from a cell; an empty cell means the citizen number; None if unknown."""
    text = fold(raw).lower()
    return ID_TYPE_WORDS.get(text) if text else IdType.RESIDENT_ID


def read_relation(raw: str) -> Relation | None:
    """Relation to the head of household from a cell; None when the word is unknown."""
    return RELATION_WORDS.get(fold(raw).lower())


def read_categories(raw: str) -> tuple[tuple[Category, ...], tuple[str, ...]]:
    """Categories named in a cell (、，, ; / | between them) and the words nobody knows.

    'general' is dropped beside another category, and is the answer for an empty cell.
    """
    known: list[Category] = []
    unknown: list[str] = []
    for word in re.split(r"[、,;/|\s]+", fold(raw).replace("，", ",").replace("；", ";").lower()):
        if not word:
            continue
        category = CATEGORY_WORDS.get(word)
        if category is None:
            unknown.append(word)
        elif category not in known and category is not Category.GENERAL:
            known.append(category)
    return (tuple(sorted(known)) or (Category.GENERAL,)), tuple(unknown)


_DATE_SHAPE: Final = re.compile(
    r"([0-9]{4})(?:([0-9]{2})([0-9]{2})"
    r"|[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?)(?:[ T].*)?"
)
#: Five digits (days since May 1927): four would take the year 1990 for a day of 1905.
_SERIAL_SHAPE: Final = re.compile(r"[0-9]{5}(?:\.0+)?")
#: Day 0 of a spreadsheet's 1900 system, chosen so that serials after 28 Feb 1900 come out right.
_SERIAL_ZERO: Final = date(1899, 12, 30).toordinal()
_SERIAL_MAX: Final = 73050


def read_date(raw: str) -> date | None:
    """Date from a cell: 1990-01-02, 1990/1/2, 1990年1月2日, 19900102 or a spreadsheet's serial
    number (32874); None when it is none of these or no real day."""
    text = fold(raw)
    if _SERIAL_SHAPE.fullmatch(text):
        serial = int(float(text))
        return date.fromordinal(_SERIAL_ZERO + serial) if serial <= _SERIAL_MAX else None
    match = _DATE_SHAPE.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2] or match[4]), int(match[3] or match[5]))
    except ValueError:
        return None


def age_on(birth_date: date, on: date) -> int:
    """Completed years on day `on`."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


# -- masking -----------------------------------------------------------------------------------


def mask_name(name: str) -> str:
    """张丰 → 张*, 张三丰 → 张*丰; longer names keep the first and the last character."""
    shown = [char for char in name if not _within(ord(char), _VARIATION)]
    if len(shown) <= 1:
        return "*" * len(shown)
    inner = "*" * (len(shown) - 2)
    return shown[0] + inner + shown[-1] if inner else shown[0] + "*"


def _mask_ends(text: str, keep: int) -> str:
    return text[:keep] + "*" * (len(text) - 2 * keep) + text[len(text) - keep :]


def mask_id(number: str) -> str:
    """640121…1234 → 6401**********1234; a shorter number keeps two at each end, a very short one
    nothing."""
    if len(number) >= _OLD_ID_LENGTH:
        return _mask_ends(number, 4)
    return _mask_ends(number, 2 if len(number) > _SHORT else 0)


_SHORT: Final = 6


def mask_phone(phone: str) -> str:
    """13812341234 → 138****1234; other numbers keep their last four, short ones nothing."""
    if _MOBILE.fullmatch(phone):
        return phone[:3] + "****" + phone[7:]
    hidden = len(phone) - 4 if len(phone) > _SHORT else len(phone)
    return "*" * hidden + phone[hidden:]
