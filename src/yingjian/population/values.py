"""Words of the room: kinds of document, categories of people, columns of a roster, and how they
are written in the offices' files.

Plain data, no decisions: what a category *does* (who is tested alone, who is visited at home) is
the protocol preset's business, not this room's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

BUILDING: Final = "^.*?[0-9一二三四五六七八九十]+(?:号楼|#楼|#|栋|幢|座|组|队|社)"
"""PostgreSQL pattern of an address up to its building or natural group."""
STAIR: Final = "([0-9一二三四五六七八九十]+)单元"
"""PostgreSQL pattern whose group is the stairwell in an address."""


class Sex(StrEnum):
    """Administrative sex as stored; offices also write it as GB/T 2261.1 digits."""

    MALE = "M"
    FEMALE = "F"
    UNKNOWN = "U"


class IdType(StrEnum):
    """Kind of identity document shown for a person."""

    RESIDENT_ID = "resident_id"
    HMT_RESIDENCE = "hmt_residence"
    HK_MACAO_PERMIT = "hk_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    FOREIGN_RESIDENCE = "foreign_card"
    PASSPORT = "passport"
    BIRTH_CERTIFICATE = "birth_cert"
    MILITARY_ID = "military_id"
    NONE = "none"


class Category(StrEnum):
    """Why a person is not simply 'general': domain.md §1.1 特殊人群 / 重点人群 and §1.3."""

    GENERAL = "general"
    CLOSE_CONTACT = "close_contact"
    SECONDARY_CONTACT = "secondary_contact"
    CENTRAL_QUARANTINE = "central_quarantine"
    HOME_QUARANTINE = "home_quarantine"
    HOME_MONITORING = "home_monitoring"
    RED_CODE = "red_code"
    YELLOW_CODE = "yellow_code"
    HOME_BOUND = "home_bound"
    DISABLED = "disabled"
    ELDERLY = "elderly"
    CHILD = "child"
    KEY_GROUP = "key_group"
    NO_PHONE = "no_phone"
    STUDENT = "student"
    INBOUND = "inbound"
    FEVER_CLINIC = "fever_clinic"
    INPATIENT = "inpatient"
    MEDICAL_STAFF = "medical_staff"


class Relation(StrEnum):
    """Relation to the head of the household (与户主关系)."""

    HEAD = "head"
    SPOUSE = "spouse"
    CHILD = "child"
    CHILD_IN_LAW = "child_in_law"
    GRANDCHILD = "grandchild"
    PARENT = "parent"
    GRANDPARENT = "grandparent"
    SIBLING = "sibling"
    OTHER_RELATIVE = "other_relative"
    NOT_RELATED = "not_related"


class RegionLevel(StrEnum):
    """Level of a 12-digit region code."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    VILLAGE = "village"


SEX_WORDS: Final[Mapping[str, Sex]] = MappingProxyType(
    {
        "男": Sex.MALE,
        "男性": Sex.MALE,
        "1": Sex.MALE,
        "m": Sex.MALE,
        "male": Sex.MALE,
        "女": Sex.FEMALE,
        "女性": Sex.FEMALE,
        "2": Sex.FEMALE,
        "f": Sex.FEMALE,
        "female": Sex.FEMALE,
        "未知": Sex.UNKNOWN,
        "不详": Sex.UNKNOWN,
        "未说明": Sex.UNKNOWN,
        "0": Sex.UNKNOWN,
        "9": Sex.UNKNOWN,
        "unknown": Sex.UNKNOWN,
    }
)

ID_TYPE_WORDS: Final[Mapping[str, IdType]] = MappingProxyType(
    {
        "居民身份证": IdType.RESIDENT_ID,
        "身份证": IdType.RESIDENT_ID,
        "二代身份证": IdType.RESIDENT_ID,
        "户口簿": IdType.RESIDENT_ID,
        "居民户口簿": IdType.RESIDENT_ID,
        "户口本": IdType.RESIDENT_ID,
        "01": IdType.RESIDENT_ID,
        "港澳台居民居住证": IdType.HMT_RESIDENCE,
        "港澳居民居住证": IdType.HMT_RESIDENCE,
        "台湾居民居住证": IdType.HMT_RESIDENCE,
        "港澳居民来往内地通行证": IdType.HK_MACAO_PERMIT,
        "港澳通行证": IdType.HK_MACAO_PERMIT,
        "回乡证": IdType.HK_MACAO_PERMIT,
        "台湾居民来往大陆通行证": IdType.TAIWAN_PERMIT,
        "台胞证": IdType.TAIWAN_PERMIT,
        "外国人永久居留身份证": IdType.FOREIGN_RESIDENCE,
        "外国人永久居留证": IdType.FOREIGN_RESIDENCE,
        "护照": IdType.PASSPORT,
        "外国护照": IdType.PASSPORT,
        "中国护照": IdType.PASSPORT,
        "出生医学证明": IdType.BIRTH_CERTIFICATE,
        "出生证": IdType.BIRTH_CERTIFICATE,
        "出生证明": IdType.BIRTH_CERTIFICATE,
        "军官证": IdType.MILITARY_ID,
        "士兵证": IdType.MILITARY_ID,
        "警官证": IdType.MILITARY_ID,
        "无": IdType.NONE,
        "无证件": IdType.NONE,
        "没有证件": IdType.NONE,
        **{kind.value: kind for kind in IdType},
        **{kind.value.replace("_", " "): kind for kind in IdType},
    }
)

CATEGORY_WORDS: Final[Mapping[str, Category]] = MappingProxyType(
    {
        "一般人群": Category.GENERAL,
        "普通人群": Category.GENERAL,
        "普通居民": Category.GENERAL,
        "一般": Category.GENERAL,
        "普通": Category.GENERAL,
        "无": Category.GENERAL,
        "密接": Category.CLOSE_CONTACT,
        "密切接触者": Category.CLOSE_CONTACT,
        "密接者": Category.CLOSE_CONTACT,
        "次密接": Category.SECONDARY_CONTACT,
        "次密接者": Category.SECONDARY_CONTACT,
        "次密": Category.SECONDARY_CONTACT,
        "密接的密接": Category.SECONDARY_CONTACT,
        "密接的密切接触者": Category.SECONDARY_CONTACT,
        "集中隔离": Category.CENTRAL_QUARANTINE,
        "集中隔离人员": Category.CENTRAL_QUARANTINE,
        "集中隔离医学观察": Category.CENTRAL_QUARANTINE,
        "居家隔离": Category.HOME_QUARANTINE,
        "居家隔离人员": Category.HOME_QUARANTINE,
        "居家隔离医学观察": Category.HOME_QUARANTINE,
        "居家健康监测": Category.HOME_MONITORING,
        "居家监测": Category.HOME_MONITORING,
        "健康监测": Category.HOME_MONITORING,
        "居家健康监测人员": Category.HOME_MONITORING,
        "红码": Category.RED_CODE,
        "红码人员": Category.RED_CODE,
        "黄码": Category.YELLOW_CODE,
        "黄码人员": Category.YELLOW_CODE,
        "行动不便": Category.HOME_BOUND,
        "行动不便人员": Category.HOME_BOUND,
        "卧床": Category.HOME_BOUND,
        "失能": Category.HOME_BOUND,
        "残疾": Category.DISABLED,
        "残疾人": Category.DISABLED,
        "老年人": Category.ELDERLY,
        "老人": Category.ELDERLY,
        "高龄": Category.ELDERLY,
        "儿童": Category.CHILD,
        "幼儿": Category.CHILD,
        "婴幼儿": Category.CHILD,
        "重点人群": Category.KEY_GROUP,
        "应检尽检": Category.KEY_GROUP,
        "应检尽检人群": Category.KEY_GROUP,
        "重点行业": Category.KEY_GROUP,
        "无手机": Category.NO_PHONE,
        "无电话": Category.NO_PHONE,
        "无智能手机": Category.NO_PHONE,
        "学生": Category.STUDENT,
        "在校学生": Category.STUDENT,
        "入境": Category.INBOUND,
        "入境人员": Category.INBOUND,
        "返乡": Category.INBOUND,
        "返乡人员": Category.INBOUND,
        "外来人员": Category.INBOUND,
        "发热门诊": Category.FEVER_CLINIC,
        "发热门诊患者": Category.FEVER_CLINIC,
        "发热患者": Category.FEVER_CLINIC,
        "住院": Category.INPATIENT,
        "住院患者": Category.INPATIENT,
        "住院病人": Category.INPATIENT,
        "住院陪护": Category.INPATIENT,
        "医务人员": Category.MEDICAL_STAFF,
        "医护人员": Category.MEDICAL_STAFF,
        "医护": Category.MEDICAL_STAFF,
        **{kind.value: kind for kind in Category},
        **{kind.value.replace("_", " "): kind for kind in Category},
    }
)

RELATION_WORDS: Final[Mapping[str, Relation]] = MappingProxyType(
    {
        "户主": Relation.HEAD,
        "本人": Relation.HEAD,
        "本人或户主": Relation.HEAD,
        "配偶": Relation.SPOUSE,
        "夫": Relation.SPOUSE,
        "妻": Relation.SPOUSE,
        "丈夫": Relation.SPOUSE,
        "妻子": Relation.SPOUSE,
        "子": Relation.CHILD,
        "女": Relation.CHILD,
        "儿子": Relation.CHILD,
        "女儿": Relation.CHILD,
        "子女": Relation.CHILD,
        "长子": Relation.CHILD,
        "次子": Relation.CHILD,
        "长女": Relation.CHILD,
        "次女": Relation.CHILD,
        "儿媳": Relation.CHILD_IN_LAW,
        "女婿": Relation.CHILD_IN_LAW,
        "孙子": Relation.GRANDCHILD,
        "孙女": Relation.GRANDCHILD,
        "外孙": Relation.GRANDCHILD,
        "外孙子": Relation.GRANDCHILD,
        "外孙女": Relation.GRANDCHILD,
        "孙子女": Relation.GRANDCHILD,
        "父亲": Relation.PARENT,
        "母亲": Relation.PARENT,
        "父": Relation.PARENT,
        "母": Relation.PARENT,
        "父母": Relation.PARENT,
        "岳父": Relation.PARENT,
        "岳母": Relation.PARENT,
        "公公": Relation.PARENT,
        "婆婆": Relation.PARENT,
        "祖父": Relation.GRANDPARENT,
        "祖母": Relation.GRANDPARENT,
        "祖父母": Relation.GRANDPARENT,
        "兄弟姐妹": Relation.SIBLING,
        "兄": Relation.SIBLING,
        "弟": Relation.SIBLING,
        "姐": Relation.SIBLING,
        "妹": Relation.SIBLING,
        "其他亲属": Relation.OTHER_RELATIVE,
        "其他": Relation.OTHER_RELATIVE,
        "非亲属": Relation.NOT_RELATED,
        "租客": Relation.NOT_RELATED,
        **{kind.value: kind for kind in Relation},
        **{kind.value.replace("_", " "): kind for kind in Relation},
    }
)

LEVEL_WORDS: Final[Mapping[str, RegionLevel]] = MappingProxyType(
    {level.value: level for level in RegionLevel}
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a roster: its stable key, its headings in files, and whether it must be there.

    `headings` are compared after `rules.header_key`; the first is the one we write ourselves.
    """

    key: str
    headings: tuple[str, ...]
    required: bool = False
    as_text: bool = False


COLUMNS: Final[tuple[Column, ...]] = (
    Column("name", ("姓名", "人员姓名", "居民姓名", "名字", "name", "full name"), required=True),
    Column("sex", ("性别", "sex", "gender")),
    Column("birth_date", ("出生日期", "出生年月日", "生日", "birth date", "date of birth", "dob")),
    Column("id_type", ("证件类型", "证件类别", "证件种类", "id type", "document type")),
    Column(
        "id_number",
        (
            "证件号码",
            "证件号",
            "身份证号",
            "身份证号码",
            "身份证",
            "公民身份号码",
            "居民身份证号码",
            "id number",
            "id no",
            "id no.",
            "id card",
        ),
        required=True,
        as_text=True,
    ),
    Column(
        "phone",
        (
            "联系电话",
            "电话",
            "手机",
            "手机号",
            "手机号码",
            "联系方式",
            "电话号码",
            "本人电话",
            "phone",
            "mobile",
            "telephone",
        ),
        as_text=True,
    ),
    Column(
        "registered_address",
        ("户籍地址", "户籍地", "户籍所在地", "户口所在地", "户籍详细地址", "registered address"),
    ),
    Column(
        "registered_region",
        (
            "户籍地区划",
            "户籍地区划代码",
            "户籍区划代码",
            "户籍地代码",
            "registered region",
            "registered region code",
        ),
        as_text=True,
    ),
    Column(
        "present_address",
        (
            "现住地址",
            "现住址",
            "现居住地",
            "现居住地址",
            "居住地址",
            "家庭住址",
            "住址",
            "地址",
            "详细地址",
            "现住详细地址",
            "address",
            "present address",
        ),
    ),
    Column(
        "present_region",
        (
            "现住村(社区)代码",
            "现住村代码",
            "现住社区代码",
            "村(社区)代码",
            "村代码",
            "社区代码",
            "现住地区划",
            "现住地区划代码",
            "区划代码",
            "present region",
            "present region code",
            "region code",
            "village code",
        ),
        as_text=True,
    ),
    Column(
        "present_region_name",
        (
            "现住村(社区)",
            "现住村(社区)名称",
            "现住村名称",
            "现住村",
            "现住社区",
            "村(社区)",
            "村(居)",
            "村(居)委会",
            "村社区",
            "村/社区",
            "所属村",
            "所属社区",
            "所在村(社区)",
            "村",
            "社区",
            "village",
            "village name",
            "community",
        ),
    ),
    Column("grid", ("网格", "网格号", "网格名称", "所属网格", "网格编号", "grid"), as_text=True),
    Column(
        "household_no",
        ("户号", "户编号", "家庭编号", "household no", "household no.", "household"),
        as_text=True,
    ),
    Column("relation", ("与户主关系", "户主关系", "关系", "relation", "relation to head")),
    Column(
        "categories",
        (
            "人群类别",
            "人员类别",
            "类别",
            "人群分类",
            "特殊人群",
            "重点人群类别",
            "categories",
            "category",
        ),
    ),
    Column("guardian", ("监护人", "监护人姓名", "guardian", "guardian name")),
    Column(
        "guardian_phone",
        ("监护人电话", "监护人联系电话", "监护人手机", "guardian phone"),
        as_text=True,
    ),
    Column(
        "workplace",
        (
            "工作单位",
            "单位",
            "学校",
            "单位/学校",
            "工作单位或学校",
            "就读学校",
            "workplace",
            "school",
        ),
    ),
    Column("longitude", ("经度", "lon", "lng", "longitude")),
    Column("latitude", ("纬度", "lat", "latitude")),
    Column("note", ("备注", "说明", "note", "notes", "remark", "remarks")),
)

COLUMN_BY_KEY: Final[Mapping[str, Column]] = MappingProxyType({c.key: c for c in COLUMNS})

#: Columns many offices keep that say nothing we store; named so that they are not reported.
IGNORED_HEADINGS: Final[frozenset[str]] = frozenset(
    {"序号", "编号", "年龄", "民族", "no", "no.", "#", "age", "seq", "index", "行号", "问题"}
)


class Severity(StrEnum):
    """What an issue does: a fatal one stops the file, an error the row, a warning is stored with
    the row, a notice informs."""

    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about a file, row or cell.

    `row` counts as a spreadsheet shows it (first line is 1; 0 = the whole sheet or file), `column`
    is the heading as written in the file, `params` fill the translated sentence and never hold a
    whole ID number or telephone number.
    """

    code: str
    severity: Severity
    sheet: str = ""
    row: int = 0
    column: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
