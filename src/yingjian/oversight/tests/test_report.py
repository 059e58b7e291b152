"""The work report as a value, and as files read back."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from docx import Document
from python_calamine import CalamineWorkbook

from yingjian.kernel import rendering
from yingjian.kernel.papers import Paragraph, Report, Table
from yingjian.oversight import queries
from yingjian.oversight.figures import FIGURES, source_of
from yingjian.oversight.report import Material, compose
from yingjian.oversight.writing import words

AT = datetime(2021, 1, 17, 7, 0, tzinfo=UTC)
ZERO: dict[str, Any] = {
    key: (None if figure.kind == "time" else 0) for key, figure in FIGURES.items()
}


def material(**figures: Any) -> Material:
    head = {
        "area": "231183101", "area_name": "伊拉哈镇", "name": "第一轮", "campaign": "全员核酸检测",
        "preset_title": "伊拉哈做法",
        "preset_version": 1, "window_start": AT, "window_end": AT, "activated_at": AT,
    }  # fmt: skip
    names = queries.labels("zh")["figures"]
    return Material(
        head=head, as_of=AT, figures={**ZERO, **figures}, parts={},
        balances=[("samples_register", "samples", 7409, "register_rows", 7409)],
        stated=[], supplies=[], groups=[], tasks=[], late=[], coverage=[], attended=0, names=names,
        definitions=[(names[key], "SELECT 1", 5, 5) for key in FIGURES],
    )  # fmt: skip


def write(made: Material, language: str = "zh") -> Report:
    return compose(made, words(language))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_can_be_written_about_an_empty_round(language: str) -> None:
    report = write(material(), language)
    assert "{" not in report.text()
    assert "None" not in report.text()


def test_all_negative_is_said_only_when_it_is_true() -> None:
    clean = write(material(people_resulted=7409, people_negative=7409, people_sampled=7409)).text()
    assert "已出结果 7409 人，全部为阴性" in clean
    one = write(
        material(people_resulted=7409, people_negative=7408, people_positive=1, people_sampled=7409)
    ).text()
    assert "全部为阴性" not in one
    assert "阳性 1 人" in one
    flagged = write(
        material(people_resulted=10, people_negative=10, pools_flagged=1, people_sampled=10)
    ).text()
    assert "全部为阴性" not in flagged
    assert "全部为阴性" not in write(material()).text()


def test_samples_without_a_result_are_told() -> None:
    report = write(material(people_sampled=10, people_resulted=4, people_without_result=6))
    assert "尚有 6 人未出结果" in report.text()
    caught_up = write(material(people_sampled=10, people_resulted=4, people_caught_up=6))
    assert "未出结果" not in caught_up.text()
    assert "漏检人员中已补检 6 人" in caught_up.text()


@pytest.mark.parametrize(
    ("campaign", "name", "title"),
    [
        ("全员核酸检测", "第一轮", "伊拉哈镇全员核酸检测第一轮工作汇报"),
        ("伊拉哈镇全员核酸检测", "伊拉哈镇全员核酸检测（第一轮）", "伊拉哈镇全员核酸检测（第一轮）工作汇报"),
        ("全域核酸检测", "全域核酸检测（二）", "伊拉哈镇全域核酸检测（二）工作汇报"),
    ],
)  # fmt: skip
def test_a_round_is_named_once(campaign: str, name: str, title: str) -> None:
    made = material()
    report = write(replace(made, head={**made.head, "campaign": campaign, "name": name}))
    assert report.title == title
    assert f"组织{title.removesuffix('工作汇报')}，" in report.text()


@pytest.mark.parametrize(("stated", "told"), [(228, True), (227, False)])
def test_a_stated_head_count_that_does_not_add_up_is_told(stated: int, told: bool) -> None:
    made = replace(material(staff=227), stated=[("staff", stated, "工作总结")])
    report = write(made)
    assert ("相差 1 人" in report.text()) == told
    marked = [block for block in report.blocks if isinstance(block, Paragraph) and block.mark]
    assert bool(marked) == told


def test_late_deadlines_are_listed_with_their_owner() -> None:
    late = [
        {
            "name": "样本送达实验室",
            "subject_label": "箱 1",
            "owner": "转运员",
            "due_at": AT,
            "stopped_at": None,
        }
    ]
    report = write(replace(material(clocks_met=3, clocks_breached=1), late=late))
    table = next(block for block in report.tables() if block.name == "超时时限")
    assert table.rows == (("样本送达实验室", "箱 1", "转运员", "2021-01-17 15:00", "—"),)
    summed = next(block for block in report.tables() if block.name == "超时汇总")
    assert summed.rows == (("样本送达实验室", "转运员", 1, "0 分钟"),)
    assert "全部按时完成" in write(material(clocks_met=3)).text()


def test_every_figure_has_a_name_in_both_languages_and_a_row_in_the_appendix() -> None:
    for language in ("zh", "en"):
        names = queries.labels(language)
        assert set(names["figures"]) == set(FIGURES)
        assert {figure.group for figure in FIGURES.values()} == set(names["groups"])
    appendix, sources = write(material()).tables()[-2:]
    assert len(appendix.rows) == len(FIGURES)
    assert {row[3] for row in appendix.rows} == {row[0] for row in sources.rows}


def test_source_and_condition_make_the_definition_again() -> None:
    for figure in FIGURES.values():
        source, condition = source_of(figure.rows)
        again = f"SELECT * FROM ({source}) x WHERE {condition}" if condition else source
        assert again == " ".join(figure.rows.split())
        assert "x WHERE" not in source


def test_both_languages_have_the_same_wording_keys() -> None:
    zh, en = words("zh"), words("en")
    assert set(zh) == set(en)
    for part in ("col", "law", "sheet"):
        assert set(zh[part]) == set(en[part])


def coverage(rows: int) -> list[dict[str, Any]]:
    return [
        {
            "name": f"村{n}",
            "due": 10,
            "sampled": 9,
            "resulted": 9,
            "excused": 0,
            "missed": 1,
            "waiting": 0,
        }
        for n in range(rows)
    ]


def test_word_reads_back_with_every_block_and_says_what_it_cut() -> None:
    made = replace(material(people_resulted=9, people_negative=9), coverage=coverage(500))
    report = write(made)
    document = Document(io.BytesIO(rendering.to_docx(report, more="余 {left} 行", none="无")))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert report.title in text
    for line in report.text().splitlines():
        assert line in text
    assert len(document.tables) == len([table for table in report.tables() if table.paper])
    assert "余 100 行" in text
    table = next(found for found in document.tables if found.rows[0].cells[0].text == "村（社区）")
    assert len(table.rows) == 401


def test_excel_reads_back_whole() -> None:
    report = write(replace(material(), coverage=coverage(100)))
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(rendering.to_xlsx(report, summary="汇总", none="无"))
    )
    named = [table for table in report.tables() if table.name]
    assert book.sheet_names == ["汇总", *(table.name for table in named)]
    for table in named:
        sheet = book.get_sheet_by_name(table.name).to_python()
        assert len(sheet) == len(table.rows) + 1
    assert book.get_sheet_by_name("分村进度").to_python()[1][1] == 10


def test_a_formula_in_a_name_stays_text() -> None:
    """A village called `=cmd()` must not become a formula in somebody's Excel."""
    rows = [{**coverage(1)[0], "name": "=1+1"}]
    report = write(replace(material(), coverage=rows))
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(rendering.to_xlsx(report, summary="汇总", none="无"))
    )
    assert book.get_sheet_by_name("分村进度").to_python()[1][0] == "=1+1"
    assert isinstance(report.tables()[0], Table)
