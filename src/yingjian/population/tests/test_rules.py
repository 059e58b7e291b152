"""Properties and known answers of the room's pure decisions."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.population import rules
from yingjian.population.checking import sound_resident_ids
from yingjian.population.values import Category, IdType, RegionLevel, Relation, Sex

TODAY = dt.date(2022, 6, 2)

births = st.dates(min_value=rules.EARLIEST_BIRTH, max_value=TODAY)
first17 = st.builds(
    lambda region, born, order: f"{region:06d}{born:%Y%m%d}{order:03d}",
    st.integers(110000, 999999),
    births,
    st.integers(0, 999),
)
numbers = first17.map(lambda text: text + rules.id_check_char(text))


class TestResidentId:
    @pytest.mark.parametrize(
        ("number", "sex", "born"),
        [
            ("11010519491231002X", Sex.FEMALE, dt.date(1949, 12, 31)),
            ("440524188001010014", Sex.MALE, dt.date(1880, 1, 1)),
        ],
    )
    def test_the_standards_own_examples(self, number: str, sex: Sex, born: dt.date) -> None:
        facts = rules.resident_id(number, on=TODAY)
        assert (facts.problem, facts.sex, facts.birth_date) == ("", sex, born)
        assert facts.region == number[:6]

    @given(numbers)
    def test_a_number_with_its_own_check_digit_is_sound(self, number: str) -> None:
        facts = rules.resident_id(number, on=TODAY)
        assert facts.problem == ""
        assert facts.birth_date is not None
        assert f"{facts.birth_date:%Y%m%d}" == number[6:14]
        assert (facts.sex is Sex.MALE) == (int(number[16]) % 2 == 1)

    @given(numbers, st.integers(0, 17), st.sampled_from("0123456789"))
    def test_one_wrong_digit_never_passes(self, number: str, at: int, digit: str) -> None:
        wrong = number[:at] + digit + number[at + 1 :]
        sound = rules.resident_id(wrong, on=TODAY).problem == ""
        assert sound == (wrong == number)

    @given(numbers, st.integers(0, 16))
    def test_two_neighbours_swapped_never_pass(self, number: str, at: int) -> None:
        swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        sound = rules.resident_id(swapped, on=TODAY).problem == ""
        assert sound == (swapped == number)

    @given(numbers)
    def test_how_it_is_typed_does_not_matter(self, number: str) -> None:
        wide = "".join(chr(ord(char) + 0xFEE0) for char in number)
        spaced = f" {number[:6]} {number[6:14]}\u3000{number[14:].lower()}\u200b"
        assert rules.resident_id(wide, on=TODAY).number == number
        assert rules.resident_id(spaced, on=TODAY).number == number
        assert rules.resident_id("'" + number, on=TODAY).number == number

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("", "missing"),
            ("6.40121E+17", "excel_rounded"),
            ("6.40121199001011E+17", "excel_rounded"),
            ("640121199001010000", "excel_rounded"),
            ("640121900101123", "fifteen_digits"),
            ("64012119900101123", "length"),
            ("6401211990010112345", "length"),
            ("64012119900101123A", "characters"),
            ("6401211990010X1234", "characters"),
            ("640121199002301234", "birth_date"),
            ("640121186902281234", "birth_date"),
            ("640121203001011234", "future_birth"),
            ("640121199001011230", "check_digit"),
        ],
    )
    def test_each_fault_has_its_code(self, raw: str, code: str) -> None:
        assert rules.resident_id(raw, on=TODAY).problem == f"population.id.{code}"

    @given(
        st.lists(
            st.one_of(
                numbers,
                st.text("0123456789X", min_size=18, max_size=18),
                st.text(min_size=18, max_size=18).filter(lambda text: "\x00" not in text),
                st.builds(
                    lambda n, d: n[:10] + d + n[14:],
                    numbers,
                    st.text("0123", min_size=4).map(lambda text: text[:4]),
                ),
            ),
            min_size=1,
            max_size=20,
        )
    )
    def test_the_vectorised_check_agrees_with_the_plain_one(self, batch: list[str]) -> None:
        sound, born, male = sound_resident_ids(batch, on=TODAY)
        for at, number in enumerate(batch):
            facts = rules.resident_id(number, on=TODAY)
            assert bool(sound[at]) == (facts.problem == "" and facts.number == number)
            if sound[at]:
                assert born[at] == facts.birth_date
                assert bool(male[at]) == (facts.sex is Sex.MALE)


class TestDocuments:
    @pytest.mark.parametrize(
        ("kind", "raw", "code"),
        [
            (IdType.HMT_RESIDENCE, "810000199408230021", ""),
            (IdType.HK_MACAO_PERMIT, "H12345678", ""),
            (IdType.HK_MACAO_PERMIT, "m1234567800", ""),
            (IdType.HK_MACAO_PERMIT, "12345678", "format"),
            (IdType.TAIWAN_PERMIT, "12345678", ""),
            (IdType.TAIWAN_PERMIT, "T2345678", "format"),
            (IdType.FOREIGN_RESIDENCE, "USA110079041801", ""),
            (IdType.FOREIGN_RESIDENCE, "911124198108030024", ""),
            (IdType.FOREIGN_RESIDENCE, "911124198108030025", "check_digit"),
            (IdType.FOREIGN_RESIDENCE, "US110079041801", "format"),
            (IdType.PASSPORT, "E12345678", ""),
            (IdType.PASSPORT, "E 1234-5678", ""),
            (IdType.PASSPORT, "E1", "format"),
            (IdType.BIRTH_CERTIFICATE, "Q640012345", ""),
            (IdType.BIRTH_CERTIFICATE, "640012345", "format"),
            (IdType.MILITARY_ID, "南字第0123456号", ""),
            (IdType.NONE, "", ""),
            (IdType.NONE, "123456", "not_expected"),
            (IdType.PASSPORT, "", "missing"),
            (IdType.PASSPORT, "1.2E+12", "excel_rounded"),
        ],
    )
    def test_shapes(self, kind: IdType, raw: str, code: str) -> None:
        expected = f"population.id.{code}" if code else ""
        assert rules.document(kind, raw, on=TODAY).problem == expected


class TestNames:
    @pytest.mark.parametrize(
        ("raw", "name"),
        [
            ("张 三\u3000丰", "张三丰"),
            (" 王䶮 ", "王䶮"),
            ("𠅤㛃", "𠅤㛃"),
            ("买买提•艾力", "买买提·艾力"),
            ("买买提．艾力", "买买提·艾力"),
            ("阿依古丽.吾守尔", "阿依古丽·吾守尔"),
            ("·张三·", "张三"),
            ("Ｊｏｈｎ  Smith ", "John Smith"),
            ("José", "José"),
            ("李\u200b四", "李四"),
            ("\uf9d1", "\uf9d1"),
            ("龍\ufa11", "龍\ufa11"),
            ("葛\U000e0101", "葛\U000e0101"),
        ],
    )
    def test_one_spelling_and_no_lost_character(self, raw: str, name: str) -> None:
        assert rules.normalise_name(raw) == name

    @given(st.text("一丁䶮𠅤㛃𬭸\uf9d1\ue863葛\U000e0101·", min_size=1, max_size=12))
    def test_han_characters_survive_whatever_plane_they_are_on(self, name: str) -> None:
        kept = rules.normalise_name(name)
        assert [char for char in kept if char != "·"] == [char for char in name if char != "·"]
        assert rules.normalise_name(kept) == kept

    @given(st.text(max_size=20))
    def test_normalising_twice_changes_nothing(self, raw: str) -> None:
        once = rules.normalise_name(raw)
        assert rules.normalise_name(once) == once

    def test_keys_bring_spellings_together(self) -> None:
        assert rules.name_key("买买提·艾力") == rules.name_key("买买提艾力")
        assert rules.name_key("John Smith") == rules.name_key("JOHN SMITH")
        assert rules.name_key("王\ue863") == rules.name_key("王䶮")
        assert rules.name_key("葛\U000e0101") == rules.name_key("葛")
        assert rules.name_key("王䶮") != rules.name_key("王龙")

    @pytest.mark.parametrize(
        ("name", "codes"),
        [
            ("张三", []),
            ("王䶮", []),
            ("𠅤㛃", []),
            ("", ["missing"]),
            ("王\ue863", ["private_use"]),
            ("王\U000f0001", ["private_use"]),
            ("王\ufffd", ["garbled"]),
            ("王?", ["placeholder"]),
            ("王□", ["placeholder"]),
            ("张三2", ["digits"]),
            ("长" * 81, ["too_long"]),
        ],
    )
    def test_what_is_odd_about_a_name(self, name: str, codes: list[str]) -> None:
        found = [code for code, _ in rules.name_problems(name)]
        assert found == [f"population.name.{code}" for code in codes]

    def test_a_private_use_character_says_what_it_meant(self) -> None:
        assert rules.name_problems("王\ue863")[0][1] == {"point": "U+E863", "meant": "䶮"}
        assert rules.name_problems("王\ue000")[0][1] == {"point": "U+E000", "meant": ""}


class TestPhones:
    @pytest.mark.parametrize(
        ("raw", "phone", "code"),
        [
            ("13812341234", "13812341234", ""),
            ("138 1234-1234", "13812341234", ""),
            ("+86 138-1234-1234", "13812341234", ""),
            ("0086１３８12341234", "13812341234", ""),
            ("0951-8011234", "0951-8011234", ""),
            ("(0951)8011234", "09518011234", ""),
            ("8011234", "8011234", ""),
            ("+852 2345 6789", "+85223456789", ""),
            ("", "", ""),
            ("1381234123", "1381234123", "format"),
            ("12345678901", "12345678901", "format"),
            ("无", "无", "format"),
            ("1.38E+10", "1.38E+10", "excel_rounded"),
        ],
    )
    def test_reading(self, raw: str, phone: str, code: str) -> None:
        assert rules.clean_phone(raw) == phone
        assert rules.phone_problem(phone) == (f"population.phone.{code}" if code else "")

    @given(st.integers(13000000000, 19999999999))
    def test_every_mobile_number_stands_and_cleaning_is_stable(self, number: int) -> None:
        assert rules.phone_problem(rules.clean_phone(f"+86{number}")) == ""
        assert rules.clean_phone(str(number)) == str(number)


class TestRegions:
    @pytest.mark.parametrize(
        ("code", "level", "path", "parent"),
        [
            ("640000000000", RegionLevel.PROVINCE, "64", ""),
            ("640100000000", RegionLevel.CITY, "6401", "640000000000"),
            ("640121000000", RegionLevel.COUNTY, "640121", "640100000000"),
            ("640121100000", RegionLevel.TOWN, "640121100", "640121000000"),
            ("640121100200", RegionLevel.VILLAGE, "640121100200", "640121100000"),
        ],
    )
    def test_levels(self, code: str, level: RegionLevel, path: str, parent: str) -> None:
        assert rules.region_level(code) is level
        assert rules.region_path(code) == path
        assert rules.region_parent(code) == parent

    @given(st.from_regex(r"[1-9][0-9]{11}", fullmatch=True))
    def test_every_area_lies_in_the_area_above_it(self, code: str) -> None:
        parent = rules.region_parent(code)
        assert rules.region_within(code, rules.region_path(code))
        if parent:
            assert rules.region_within(code, rules.region_path(parent))
            assert len(rules.region_path(parent)) < len(rules.region_path(code))

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("640121", "640121000000"),
            ("640121100", "640121100000"),
            ("６４０１２１", "640121000000"),
            ("64012", ""),
            ("64012A", ""),
            ("", ""),
        ],
    )
    def test_cleaning_codes(self, raw: str, code: str) -> None:
        assert rules.clean_region(raw) == code

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("团结社区居民委员会", ("团结", "居")),
            ("团结居委会", ("团结", "居")),
            ("团结社区", ("团结", "居")),
            ("李俊村", ("李俊", "村")),
            ("李俊村村民委员会", ("李俊", "村")),
            ("李俊", ("李俊", "")),
            ("村", ("村", "")),
        ],
    )
    def test_places_by_name(self, name: str, key: tuple[str, str]) -> None:
        assert rules.place_key(name) == key


class TestWords:
    @pytest.mark.parametrize(
        ("raw", "known", "unknown"),
        [
            ("", (Category.GENERAL,), ()),
            ("普通居民", (Category.GENERAL,), ()),
            ("密接", (Category.CLOSE_CONTACT,), ()),
            (
                "老年人、行动不便；无手机",
                (Category.ELDERLY, Category.HOME_BOUND, Category.NO_PHONE),
                (),
            ),
            ("close_contact, general", (Category.CLOSE_CONTACT,), ()),
            ("火星人/学生", (Category.STUDENT,), ("火星人",)),
        ],
    )
    def test_categories(
        self, raw: str, known: tuple[Category, ...], unknown: tuple[str, ...]
    ) -> None:
        assert rules.read_categories(raw) == (known, unknown)

    @pytest.mark.parametrize(
        ("raw", "day"),
        [
            ("1990-01-02", dt.date(1990, 1, 2)),
            ("1990/1/2", dt.date(1990, 1, 2)),
            ("1990年1月2日", dt.date(1990, 1, 2)),
            ("1990.01.02", dt.date(1990, 1, 2)),
            ("１９９００１０２", dt.date(1990, 1, 2)),
            ("32875", dt.date(1990, 1, 2)),
            ("32875.0", dt.date(1990, 1, 2)),
            ("1990-01-02 00:00:00", dt.date(1990, 1, 2)),
            ("1990-02-30", None),
            ("1990112", None),
            ("1990", None),
            ("99999", None),
            ("昨天", None),
        ],
    )
    def test_dates(self, raw: str, day: dt.date | None) -> None:
        assert rules.read_date(raw) == day

    @given(st.dates(min_value=dt.date(1927, 5, 18), max_value=dt.date(2099, 12, 31)))
    def test_a_spreadsheets_serial_is_the_day_it_means(self, day: dt.date) -> None:
        serial = (day - dt.date(1899, 12, 30)).days
        assert rules.read_date(str(serial)) == day
        assert rules.read_date(day.isoformat()) == day

    def test_sex_document_and_relation_words(self) -> None:
        assert rules.read_sex(" 男性 ") is Sex.MALE
        assert rules.read_sex("Ｆ") is Sex.FEMALE
        assert rules.read_sex("公") is None
        assert rules.read_id_type("") is IdType.RESIDENT_ID
        assert rules.read_id_type("台胞证") is IdType.TAIWAN_PERMIT
        assert rules.read_id_type("会员卡") is None
        assert rules.read_relation("长子") is Relation.CHILD
        assert rules.read_relation("邻居") is None

    @pytest.mark.parametrize("raw", ["姓 名", "姓名*", "姓名（必填）", "【姓名】", "姓名："])
    def test_headings_agree(self, raw: str) -> None:
        assert "姓名" in (rules.header_key(raw), rules.header_core(raw))

    def test_age(self) -> None:
        assert rules.age_on(dt.date(2000, 6, 2), TODAY) == 22
        assert rules.age_on(dt.date(2000, 6, 3), TODAY) == 21


class TestMasking:
    @pytest.mark.parametrize(
        ("name", "masked"),
        [("", ""), ("张", "*"), ("张丰", "张*"), ("张三丰", "张*丰"), ("买买提·艾力", "买****力")],
    )
    def test_names(self, name: str, masked: str) -> None:
        assert rules.mask_name(name) == masked

    def test_numbers(self) -> None:
        assert rules.mask_id("640121199001011234") == "6401**********1234"
        assert rules.mask_id("E12345678") == "E1*****78"
        assert rules.mask_id("E12345") == "******"
        assert rules.mask_phone("13812341234") == "138****1234"
        assert rules.mask_phone("0951-8011234") == "********1234"
        assert rules.mask_phone("12345") == "*****"
        assert rules.mask_phone("") == ""

    @given(st.text(max_size=25))
    def test_a_mask_keeps_the_length_and_hides_at_least_a_third(self, text: str) -> None:
        for mask in (rules.mask_id, rules.mask_phone):
            masked = mask(text)
            assert len(masked) == len(text)
            hidden = sum(1 for shown, char in zip(masked, text, strict=True) if shown == "*")
            assert hidden * 3 >= len(text)
