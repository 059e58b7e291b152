"""A synthetic county: households, people, addresses and documents that never existed.

Pure numpy, seeded, vectorised: a county of 329,000 takes seconds, a city of millions a minute. All
shares and pyramids below are rough public orders of magnitude, good for drills and load tests and
for nothing else. Nobody real can be in here: identity numbers carry a sound check digit on region
prefixes 99xxxx, which GB/T 2260 does not assign, and telephone numbers lie in a range (169) that
is not given to any network.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.str_]
Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

KM_PER_DEGREE: Final = 111.32

#: Rough centre (longitude, latitude) and radius in kilometres of the places of the source plans.
CENTRES: Final[dict[str, tuple[tuple[float, float], float]]] = {
    "640121": ((106.25, 38.28), 17.0),
    "231183": ((125.23, 49.19), 60.0),
    "231183101": ((125.3, 49.0), 12.0),
    "450881": ((110.08, 23.39), 35.0),
    "450881101": ((110.2, 23.5), 6.0),
    "330109": ((120.27, 30.18), 20.0),
    "330109003": ((120.26, 30.15), 3.0),
    "5101": ((104.07, 30.66), 67.0),
}

# -- pyramids and shares -----------------------------------------------------------------------

HOUSEHOLD_SIZES: Final = (0.22, 0.29, 0.22, 0.15, 0.07, 0.035, 0.012, 0.003)
HEAD, SPOUSE, CHILD, PARENT, GRANDCHILD, OTHER = range(6)
RELATIONS: Final = ("户主", "配偶", "子女", "父母", "孙子女", "其他亲属")

#: Household patterns by size: (share, is the head old?, roles).
PATTERNS: Final[dict[int, tuple[tuple[float, bool, tuple[int, ...]], ...]]] = {
    1: ((0.42, True, (HEAD,)), (0.58, False, (HEAD,))),
    2: (
        (0.38, True, (HEAD, SPOUSE)),
        (0.36, False, (HEAD, SPOUSE)),
        (0.14, False, (HEAD, CHILD)),
        (0.12, True, (HEAD, GRANDCHILD)),
    ),
    3: (
        (0.66, False, (HEAD, SPOUSE, CHILD)),
        (0.20, False, (HEAD, SPOUSE, PARENT)),
        (0.14, True, (HEAD, SPOUSE, GRANDCHILD)),
    ),
    4: (
        (0.56, False, (HEAD, SPOUSE, CHILD, CHILD)),
        (0.30, False, (HEAD, SPOUSE, CHILD, PARENT)),
        (0.14, False, (HEAD, SPOUSE, PARENT, PARENT)),
    ),
    5: (
        (0.55, False, (HEAD, SPOUSE, CHILD, CHILD, PARENT)),
        (0.45, False, (HEAD, SPOUSE, CHILD, PARENT, PARENT)),
    ),
    6: ((1.0, False, (HEAD, SPOUSE, CHILD, CHILD, PARENT, PARENT)),),
    7: ((1.0, False, (HEAD, SPOUSE, CHILD, CHILD, CHILD, PARENT, PARENT)),),
    8: ((1.0, False, (HEAD, SPOUSE, CHILD, CHILD, CHILD, PARENT, PARENT, OTHER)),),
}

ELDERLY_AGE: Final = 65
CHILD_AGE: Final = 6
PHONE_AGE: Final = 14
#: Category: (word in the roster, share of those it can fall on, youngest, oldest).
CATEGORIES: Final[tuple[tuple[str, float, int, int], ...]] = (
    ("密接", 0.0004, 0, 120),
    ("次密接", 0.0008, 0, 120),
    ("集中隔离", 0.0003, 0, 120),
    ("居家隔离", 0.0010, 0, 120),
    ("居家健康监测", 0.0015, 0, 120),
    ("红码", 0.0001, 0, 120),
    ("黄码", 0.0005, 0, 120),
    ("行动不便", 0.035, 70, 120),
    ("残疾", 0.018, 0, 120),
    ("老年人", 1.0, ELDERLY_AGE, 120),
    ("儿童", 1.0, 0, CHILD_AGE),
    ("重点人群", 0.045, 18, 60),
    ("无手机", 0.16, 70, 120),
    ("学生", 0.97, 7, 17),
    ("返乡人员", 0.004, 18, 60),
    ("发热门诊患者", 0.0002, 0, 120),
    ("住院患者", 0.003, 0, 120),
    ("医务人员", 0.009, 22, 60),
)
MALE_HEADS: Final = 0.68
MALE_BIRTHS: Final = 0.52
SHORT_NAME_SHARE: Final = 0.16
MINORITY_SHARE: Final = 0.03
RARE_SHARE: Final = 0.004
ELSEWHERE_SHARE: Final = 0.07
OTHER_VILLAGE_SHARE: Final = 0.06
INFANTS_WITHOUT_ID: Final = 0.2
NO_PAPER_SHARE: Final = 0.0003
WORKING_AGES: Final = (18, 60)
#: Kind of document, its share among people of working age, what stands before eight digits.
TRAVELLERS: Final = (
    ("护照", 0.0004, "E"),
    ("港澳居民来往内地通行证", 0.0002, "H"),
    ("台湾居民来往大陆通行证", 0.0002, ""),
)
GRID_PEOPLE: Final = 300

SURNAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
RARE_SURNAMES: Final = (
    "欧阳", "上官", "司马", "诸葛", "尉迟", "皇甫", "昝", "亓", "仝", "逄", "佘", "㑇",
)  # fmt: skip
GIVEN_MALE: Final = "伟强军勇涛明超刚平辉鹏华飞波斌宇浩凯杰亮峰磊洋林建国志文俊海永新春生德福荣祥龙宝金山学东成松云贵田"
GIVEN_FEMALE: Final = (
    "芳娜敏静丽艳娟霞秀燕玲桂英华兰玉萍红梅莉婷雪慧琴云洁凤珍莲欣怡佳蓉琳倩妍雨思梦雅淑春香月娥巧惠"
)
RARE_GIVEN: Final = "䶮𠅤㛃𬭸𫘧𬍛𠮷㐱𬸪喆彧珺𣲗𨱏"
MINORITY_MALE: Final = ("买买提", "艾力", "吐尔逊", "阿卜杜拉", "巴特尔", "扎西", "多吉", "玉山江")
MINORITY_FEMALE: Final = ("阿依古丽", "古丽娜尔", "热依汗", "卓玛", "其其格", "帕提古丽", "央金")
MINORITY_LAST: Final = ("玉素甫", "艾合买提", "热合曼", "吾守尔", "卡德尔", "次仁", "朝鲁", "伊明")
ESTATES: Final = ("安康", "幸福", "金桂", "丽景", "和谐", "阳光", "书香", "翠苑", "康泰", "锦绣")
ELSEWHERE: Final = (
    ("甘肃省", "620000000000"),
    ("河南省", "410000000000"),
    ("四川省", "510000000000"),
    ("陕西省", "610000000000"),
    ("山东省", "370000000000"),
    ("安徽省", "340000000000"),
)


@dataclass(frozen=True, slots=True)
class Village:
    """A place people live in: 12-digit code, its name, what stands before it in an address, and
    whether it is a town community (blocks of flats) or a village (groups and house numbers)."""

    code: str
    name: str
    prefix: str = ""
    urban: bool = False


@dataclass(frozen=True, slots=True)
class Roster:
    """The people, one array cell each, and their households.

    `village` indexes `villages` and `household` the household_* sequences; `categories` is a bit
    mask over `CATEGORIES`; coordinates are WGS 84 degrees.
    """

    villages: Sequence[Village]
    name: Words
    male: Bools
    birth: Days
    age: Ints
    id_type: Words
    id_number: Words
    phone: Words
    relation: Ints
    categories: Ints
    registered_region: Words
    registered_address: list[str]
    village: Ints
    household: Ints
    household_no: list[str]
    household_address: list[str]
    household_grid: list[str]
    household_lon: Floats
    household_lat: Floats

    def __len__(self) -> int:
        return len(self.name)


# -- the county --------------------------------------------------------------------------------


def county(
    *,
    villages: Sequence[Village],
    people: int,
    seed: int,
    centre: tuple[float, float],
    radius_km: float,
    on: dt.date = dt.date(2022, 6, 1),
) -> Roster:
    """Make exactly `people` people living in `villages`.

    `centre` is (longitude, latitude) in degrees; villages scatter within `radius_km` of it. Ages
    are as of `on`. The same arguments always give the same people.
    """
    if not villages or people < 1:
        raise ValueError("a county needs villages and people")
    rng = np.random.default_rng(seed)
    per_village = _share_out(rng, villages, people)
    village = np.repeat(np.arange(len(villages)), per_village)
    household, position, size = _households(rng, per_village)
    of_household = village[np.flatnonzero(position == 0)]
    relation, age = _ages(rng, household, position, size)
    male = _sexes(rng, household, relation)
    birth = _births(rng, age, on)
    name = _names(rng, household, relation, male, rng.random(len(size)) < MINORITY_SHARE)
    salt = _salt(villages, seed)
    id_type, id_number = _documents(rng, birth, male, age, salt)
    categories = _categories(rng, age)
    phone = _phones(categories, age, salt)
    lon, lat = _places(rng, len(villages), of_household, centre, radius_km)
    number = _number_within(of_household)
    addresses, grids = _addresses(rng, villages, of_household, number, size)
    region, registered = _registered(rng, villages, village, household, addresses)
    return Roster(
        villages=villages,
        name=name,
        male=male,
        birth=birth,
        age=age,
        id_type=id_type,
        id_number=id_number,
        phone=phone,
        relation=relation,
        categories=categories,
        registered_region=region,
        registered_address=registered,
        village=village,
        household=household,
        household_no=[f"{serial + 1:05d}" for serial in number.tolist()],
        household_address=addresses,
        household_grid=grids,
        household_lon=lon,
        household_lat=lat,
    )


def _share_out(rng: np.random.Generator, villages: Sequence[Village], people: int) -> Ints:
    """People per village: log-normal sizes, communities larger; exactly `people` in all."""
    weights = rng.lognormal(0.0, 0.5, len(villages))
    weights *= np.where([village.urban for village in villages], 2.5, 1.0)
    exact = weights / weights.sum() * people
    counts: Ints = np.floor(exact).astype(np.int64)
    missing = people - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts


def _households(rng: np.random.Generator, per_village: Ints) -> tuple[Ints, Ints, Ints]:
    """Household of each person, position in it, and size of each household. A household never
    spans two villages: boundaries of both kinds cut the line of people."""
    people = int(per_village.sum())
    ends = np.cumsum(rng.choice(np.arange(1, 9), size=people, p=HOUSEHOLD_SIZES))
    cuts = np.unique(np.concatenate((ends[ends < people], np.cumsum(per_village))))
    cuts = cuts[cuts > 0]
    size = np.diff(cuts, prepend=0)
    household = np.repeat(np.arange(len(size)), size)
    position = np.arange(people) - np.repeat(cuts - size, size)
    return household, position, size


def _ages(
    rng: np.random.Generator, household: Ints, position: Ints, size: Ints
) -> tuple[Ints, Ints]:
    """Relation to the head and age in years, from the household's pattern."""
    widest = max(PATTERNS)
    table = np.zeros((len(size), widest), dtype=np.int64)
    old = np.zeros(len(size), dtype=bool)
    for members, patterns in PATTERNS.items():
        mine = np.flatnonzero(size == members)
        drawn = rng.choice(len(patterns), size=len(mine), p=[share for share, _, _ in patterns])
        roles = np.array([row + (OTHER,) * (widest - members) for _, _, row in patterns])
        table[mine] = roles[drawn]
        old[mine] = np.array([is_old for _, is_old, _ in patterns])[drawn]
    relation = table[household, position]
    people = len(household)
    head_age = np.where(
        old,
        np.clip(rng.gamma(3.0, 5.0, len(size)) + 56, 56, 97),
        np.clip(rng.normal(41, 9, len(size)), 20, 64),
    )
    alone = (size == 1) & ~old
    head_age[alone] = np.clip(rng.gamma(3.0, 6.0, int(alone.sum())) + 18, 18, 64)
    base = head_age[household]
    gap = rng.uniform(21, 34, people)
    kinds = [relation == kind for kind in (HEAD, SPOUSE, CHILD, PARENT, GRANDCHILD)]
    drawn_age = [base, base + rng.normal(0, 2.8, people), base - gap, base + gap, base - 2 * gap]
    age = np.select(kinds, drawn_age, rng.uniform(18, 60, people))
    young = ((relation == CHILD) | (relation == GRANDCHILD)) & (age < 0)
    age = np.where(young, rng.uniform(0, 15, people), age)
    lowest = np.where((relation == SPOUSE) | (relation == OTHER), 20, 0)
    return relation, np.clip(age, lowest, 101).astype(np.int64)


def _sexes(rng: np.random.Generator, household: Ints, relation: Ints) -> Bools:
    """True for male. Spouses differ from their heads; two parents are a couple."""
    head_male = (rng.random(int(household[-1]) + 1) < MALE_HEADS)[household]
    male = rng.random(len(household)) < MALE_BIRTHS
    male = np.where(relation == HEAD, head_male, male)
    male = np.where(relation == SPOUSE, ~head_male, male)
    parent = relation == PARENT
    second = np.flatnonzero(parent[1:] & parent[:-1] & (household[1:] == household[:-1])) + 1
    male[second] = ~male[second - 1]
    return male


def _births(rng: np.random.Generator, age: Ints, on: dt.date) -> Days:
    """A day of birth that makes each person `age` years old on `on`."""
    today = np.datetime64(on, "D")
    latest = today.astype("datetime64[M]") - 12 * age
    day = (today - today.astype("datetime64[M]")).astype(np.int64)
    birth: Days = latest.astype("datetime64[D]") + np.minimum(day, 27)
    return birth - rng.integers(0, 360, len(age))


# -- names -------------------------------------------------------------------------------------


def _drawn(
    rng: np.random.Generator, pool: Sequence[str], count: int, *, skew: float = 0.0
) -> Words:
    weights = 1.0 / (np.arange(len(pool)) + 3.0) ** skew
    return np.array(list(pool))[rng.choice(len(pool), size=count, p=weights / weights.sum())]


def _names(
    rng: np.random.Generator, household: Ints, relation: Ints, male: Bools, minority: Bools
) -> Words:
    """Family name with the household (heads, children and grandchildren, fathers of heads), given
    names of one or two characters; some rare characters, some minority names with ·."""
    people, households = len(household), len(minority)
    families = _drawn(rng, SURNAMES, households, skew=0.75)
    rare = rng.random(households) < RARE_SHARE * 2
    families = np.where(rare, _drawn(rng, RARE_SURNAMES, households), families)
    kin = (relation == HEAD) | (relation == CHILD) | (relation == GRANDCHILD)
    kin |= (relation == PARENT) & male
    family = np.where(kin, families[household], _drawn(rng, SURNAMES, people, skew=0.75))
    first = np.where(male, _drawn(rng, GIVEN_MALE, people), _drawn(rng, GIVEN_FEMALE, people))
    second = np.where(male, _drawn(rng, GIVEN_MALE, people), _drawn(rng, GIVEN_FEMALE, people))
    unusual = rng.random(people) < RARE_SHARE
    second = np.where(unusual, _drawn(rng, RARE_GIVEN, people), second)
    second = np.where(~unusual & (rng.random(people) < SHORT_NAME_SHARE), "", second)
    name = np.char.add(np.char.add(family, first), second).astype("U12")
    mine = np.flatnonzero(minority[household])
    given = np.where(
        male[mine],
        _drawn(rng, MINORITY_MALE, len(mine)),
        _drawn(rng, MINORITY_FEMALE, len(mine)),
    )
    last = _drawn(rng, MINORITY_LAST, len(mine))
    name[mine] = np.char.add(np.char.add(given, "·"), last)
    return name


# -- documents and telephones ------------------------------------------------------------------

_WEIGHTS: Final = np.array((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
#: Region prefixes that GB/T 2260 has never given to a place.
PREFIXES: Final = range(990_000, 1_000_000)
_CHECKS: Final = np.frombuffer(b"10X98765432", dtype=np.uint8)


def _salt(villages: Sequence[Village], seed: int) -> int:
    """A number that differs between counties and seeds, so that two synthetic counties in
    one store rarely collide."""
    return zlib.crc32(f"{villages[0].code[:9]}/{len(villages)}/{seed}".encode())


def _rank_within(*keys: Ints) -> Ints:
    """Position of each element among those with equal keys, in order of appearance."""
    order = np.lexsort(keys[::-1])
    changed = np.zeros(len(order), dtype=bool)
    for key in keys:
        changed[1:] |= key[order][1:] != key[order][:-1]
    starts = np.maximum.accumulate(np.where(changed, np.arange(len(order)), 0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - starts
    return rank


def _digits(values: Ints, width: int) -> Ints:
    powers: Ints = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    digits: Ints = (values[:, None] // powers) % 10
    return digits


def citizen_numbers(birth: Days, male: Bools, *, prefix_base: int) -> Words:
    """Distinct 18-character numbers (GB 11643) on prefixes from `prefix_base`, 500 per prefix, day
    of birth and sex."""
    months = birth.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (birth - months).astype(np.int64) + 1
    ymd = year * 10_000 + month * 100 + day
    rank = _rank_within(ymd, male.astype(np.int64))
    order = (rank % 500) * 2 + male
    digits = np.hstack((_digits(prefix_base + rank // 500, 6), _digits(ymd, 8), _digits(order, 3)))
    check = _CHECKS[(digits @ _WEIGHTS) % 11]
    text = np.hstack((digits + 48, check[:, None])).astype(np.uint8)
    return np.ascontiguousarray(text).view("S18").ravel().astype("U18")


def _serials(count: int, start: int, step: int) -> Words:
    """`count` different texts of 8 digits (`step` shares no factor with 10)."""
    values = (np.arange(count, dtype=np.int64) * step + start) % 10**8
    text = (_digits(values, 8) + 48).astype(np.uint8)
    return np.ascontiguousarray(text).view("S8").ravel().astype("U8")


def _documents(
    rng: np.random.Generator, birth: Days, male: Bools, age: Ints, salt: int
) -> tuple[Words, Words]:
    """Kind and number of document: nearly all citizens, some infants on a birth certificate, a few
    travellers, a few without any paper."""
    people = len(birth)
    base = PREFIXES.start + 50 * (salt % (len(PREFIXES) // 50 - 1))
    number = citizen_numbers(birth, male, prefix_base=base)
    kind = np.full(people, "居民身份证", dtype="U12")
    serial = _serials(people, salt, 7)
    chance = rng.random(people)
    infants = (age == 0) & (chance < INFANTS_WITHOUT_ID)
    kind[infants] = "出生医学证明"
    number[infants] = np.char.add("Z9", serial[infants])
    grown = (age >= WORKING_AGES[0]) & (age <= WORKING_AGES[1])
    low = 0.0
    for word, share, head in TRAVELLERS:
        mine = grown & (chance >= low) & (chance < low + share)
        kind[mine] = word
        number[mine] = np.char.add(head, serial[mine])
        low += share
    none = chance > 1 - NO_PAPER_SHARE
    kind[none], number[none] = "无证件", ""
    return kind, number


def _phones(categories: Ints, age: Ints, salt: int) -> Words:
    """Own telephone of everybody of 14 and older who has one; all different."""
    serial = _serials(len(age), salt, 15_485_863)
    no_phone = (categories >> _bit("无手机")) & 1 == 1
    return np.where((age < PHONE_AGE) | no_phone, "", np.char.add("169", serial))


# -- categories, places, addresses -------------------------------------------------------------


def _bit(word: str) -> int:
    return next(at for at, entry in enumerate(CATEGORIES) if entry[0] == word)


def _categories(rng: np.random.Generator, age: Ints) -> Ints:
    """Bit mask over CATEGORIES for each person."""
    mask = np.zeros(len(age), dtype=np.int64)
    for bit, (_, share, youngest, oldest) in enumerate(CATEGORIES):
        mine = (age >= youngest) & (age <= oldest) & (rng.random(len(age)) < share)
        mask |= mine.astype(np.int64) << bit
    return mask


def _places(
    rng: np.random.Generator,
    villages: int,
    of_household: Ints,
    centre: tuple[float, float],
    radius_km: float,
) -> tuple[Floats, Floats]:
    """Longitude and latitude of each household: villages anywhere in the disc, doors close to
    their village's middle."""
    distance = radius_km * np.sqrt(rng.random(villages))
    angle = rng.random(villages) * 2 * np.pi
    spread = rng.uniform(0.15, 0.5, villages)[of_household] * min(1.0, radius_km / 5)
    east = (distance * np.cos(angle))[of_household] + rng.normal(0, 1, len(of_household)) * spread
    north = (distance * np.sin(angle))[of_household] + rng.normal(0, 1, len(of_household)) * spread
    lat = centre[1] + north / KM_PER_DEGREE
    lon = centre[0] + east / (KM_PER_DEGREE * np.cos(np.radians(centre[1])))
    return np.round(lon, 6), np.round(lat, 6)


def _number_within(of_household: Ints) -> Ints:
    """Serial of each household within its village, from 0 (households lie village by village)."""
    return np.arange(len(of_household)) - np.searchsorted(of_household, of_household, side="left")


def _addresses(
    rng: np.random.Generator,
    villages: Sequence[Village],
    of_household: Ints,
    number: Ints,
    size: Ints,
) -> tuple[list[str], list[str]]:
    """Address and grid of each household: group and house number in villages; estate, building,
    stair and room in communities. No two doors of a village share an address."""
    estate = rng.integers(0, len(ESTATES), len(villages)).tolist()
    before = np.cumsum(size) - size
    first = before[np.searchsorted(of_household, of_household, side="left")]
    grids = [f"{grid + 1:02d}" for grid in ((before - first) // GRID_PEOPLE).tolist()]
    addresses = [
        f"{villages[place].prefix}{villages[place].name}"
        + (_flat(serial, estate[place]) if villages[place].urban else _house(serial))
        for place, serial in zip(of_household.tolist(), number.tolist(), strict=True)
    ]
    return addresses, grids


def _house(serial: int) -> str:
    return f"{serial // 60 + 1}组{serial % 60 + 1}号"


def _flat(serial: int, estate: int) -> str:
    """Estates of 12 buildings, 3 stairs of 6 floors with 4 flats; then the next estate's name."""
    building, rest = divmod(serial, 72)
    stair, flat = divmod(rest, 24)
    number, building = divmod(building, 12)
    again, at = divmod(number, len(ESTATES))
    name = ESTATES[(estate + at) % len(ESTATES)] + ("小区" if not again else f"小区{again + 1}期")
    return f"{name}{building + 1}号楼{stair + 1}单元{flat // 4 + 1}0{flat % 4 + 1}室"


def _registered(
    rng: np.random.Generator,
    villages: Sequence[Village],
    village: Ints,
    household: Ints,
    addresses: Sequence[str],
) -> tuple[Words, list[str]]:
    """Registered residence: mostly the present one, for some another village, for some another
    province."""
    region = np.array([place.code for place in villages])[village]
    address = [addresses[door] for door in household.tolist()]
    chance = rng.random(len(village))
    near = np.flatnonzero(chance < OTHER_VILLAGE_SHARE).tolist()
    for at, place in zip(near, rng.integers(0, len(villages), len(near)).tolist(), strict=True):
        region[at] = villages[place].code
        address[at] = f"{villages[place].prefix}{villages[place].name}"
    far = np.flatnonzero(chance > 1 - ELSEWHERE_SHARE).tolist()
    for at, place in zip(far, rng.integers(0, len(ELSEWHERE), len(far)).tolist(), strict=True):
        address[at], region[at] = ELSEWHERE[place]
    return region, address
