"""The hub's own page, for the technician beside it: counts, the last word from the county, the code phones scan."""

from __future__ import annotations

import html
from datetime import datetime
from string import Template
from typing import Final

import segno

from .store import Store

_PAGE: Final = Template(
    """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>应检 中转站 $name</title><style>
body{font:18px/1.6 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#1c2a24;background:#fff}
h1{font-size:1.6rem}dl{display:grid;grid-template-columns:1fr auto;gap:.4rem 1rem}dd{margin:0;font-weight:700}
.bad{color:#a3120a}small{color:#4a5a53}svg{width:14rem;height:14rem}</style></head><body>
<h1>中转站 $name <small>Hub</small></h1>
<p class="$tone">$state_zh<br><small>$state_en</small></p>
<dl><dt>已存、待上报县里 <small>kept, on the way up</small></dt><dd id="kept">$kept</dd>
<dt>县里已答复 <small>answered by the county</small></dt><dd id="forwarded">$forwarded</dd>
<dt>县里不收，需处理 <small>refused by the county, somebody must look</small></dt><dd id="stuck">$stuck</dd>
<dt>认得的手机 <small>phones known</small></dt><dd id="phones">$phones</dd></dl>
$reasons<p>$address</p>$picture
<p>手机：更多 → 中转站 → 扫此码。<br><small>On the phone: More → Hub → scan this code.</small></p></body></html>"""
)

_STATES: Final = {
    "up": ("与县里连通。", "In touch with the county."),
    "down": ("与县里不通：手机的记录先存在这里，来网自动上报。",
             "No line to the county: requests are kept here and go up when there is one."),
    "out": ("县里已停用本中转站：存着的留在这里，请与县里联系。",
            "The county has shut this hub out: what is kept stays here; ask the county."),
}  # fmt: skip


def page(store: Store, at: datetime) -> bytes:
    """The page at a moment; it loads itself anew every ten seconds."""
    counts, told = store.counts(), store.told
    address = told("address")
    heard = told("heard_at")
    ago = None if not heard else int((at - datetime.fromisoformat(heard)).total_seconds() // 60)
    line = told("line")
    words = dict(zip(("state_zh", "state_en"), _STATES.get(line, _STATES["down"]), strict=True))
    if ago is not None and line not in {"up", "out"}:
        words["state_zh"] += f"上次连上在 {ago} 分钟前。"
        words["state_en"] += f" Last heard {ago} min ago."
    reasons = "".join(
        f'<p class="bad">{html.escape(code)}: {number}</p>' for code, number in store.stuck()
    )
    picture = segno.make_qr(address).svg_inline(border=2, scale=4) if address else ""
    return _PAGE.substitute(
        words, name=html.escape(told("name")), tone="" if line == "up" else "bad", kept=counts.kept,
        forwarded=counts.forwarded, stuck=counts.stuck, phones=counts.phones, reasons=reasons,
        address=html.escape(address), picture=picture,
    ).encode()  # fmt: skip
