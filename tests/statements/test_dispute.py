"""S5 and S15 to S22: a session is disputed, and what comes of it (seed: dispute a session)."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from db.accounts import Account
from db.rows import Pool
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.portal.disputing import (
    BEGAN,
    ENDED,
    REGISTERS,
    STEP,
    TOTAL,
    charged,
    dispute,
    panel,
    step,
)

ADA, OMAR = "ada@example.org", "omar@example.org"
THERE = ZoneInfo("Europe/Amsterdam")
KWH = f"{Decimal(REGISTERS[-1] - REGISTERS[0]) / 1000:.2f} kWh"
MINUTES = int((ENDED - BEGAN).total_seconds()) // 60
TOOK = f"{MINUTES // 60} h" + (f" {MINUTES % 60} min" if MINUTES % 60 else "")
AVERAGE = f"{Decimal(REGISTERS[-1] - REGISTERS[0]) * 60 / MINUTES / 1000:.1f} kW"
MARKED = [BEGAN + 2 * STEP, BEGAN + 3 * STEP]


@pytest.fixture
async def ada(pool: Pool) -> Account:
    return await add_person(pool, ADA)


@pytest.fixture
async def page(api: Api, ada: Account) -> AsyncIterator[Browser]:
    async with signed_in(api.port, ADA) as page:
        yield page


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as desk:
        yield desk


def clock(at: datetime) -> str:
    return f"{at.astimezone(THERE):%H:%M:%S}"


def mail(text: str) -> tuple[str, str, str]:
    """Address, subject and body of the link that opens a mail."""
    found = re.search(r'href="(mailto:[^"]*)"', text)
    assert found, "no link that opens a mail"
    parts = urlsplit(html.unescape(found[1]))
    given = parse_qs(parts.query)
    return parts.path, given["subject"][0], given["body"][0].replace("\r\n", "\n")


async def test_S5_a_session_in_progress_cannot_be_disputed_and_the_page_says_why(
    page: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada, running=True)

    text = await panel(page, session)
    assert "Wait until the session is completed" in text
    assert "Send dispute" not in text
    refused = await dispute(page, session)
    assert refused.status == 422
    assert "still in progress" in refused.text
    assert await pool.fetchval("select count(*) from dispute") == 0
    assert await pool.fetchval("select count(*) from mail") == 0


async def test_S16_marked_rows_are_the_chargers_own_times_and_only_this_sessions(
    page: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    other = await charged(pool, ada, identity="CP-2")
    await pool.execute(
        "update reading set at = at + interval '7 s' where session_id = $1", other.id
    )

    foreign = await dispute(page, session, MARKED[0] + (STEP / 15 / 60) * 7)
    assert foreign.status == 422
    assert "Mark only rows of this session’s meter timeline" in foreign.text
    assert (await dispute(page, session, *MARKED)).status == 303
    assert await pool.fetchval("select marked from dispute") == MARKED


async def test_S17_the_dispute_can_be_an_email_to_the_operator_instead(
    page: Browser, pool: Pool, ada: Account, api: Api
) -> None:
    session = await charged(pool, ada)

    address, subject, body = mail(await panel(page, session))
    assert address == ""  # no address is configured: the driver fills it in
    assert subject == f"Session #{session.id}"
    assert f"Session: #{session.id}" in body


async def test_S18_a_dispute_holds_number_time_figure_expectation_and_marked_rows(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    assert (await dispute(page, session, *MARKED, why="Only an hour\nat 0.28")).status == 303
    id_ = await pool.fetchval("select id from dispute")

    for text in ((await desk.get(f"/admin/disputes/{id_}")).text, await panel(page, session)):
        assert "€7.66" in text
        assert "Only an hour\nat 0.28" in text
        assert f"{clock(MARKED[0])}</time>, " in text
        assert clock(MARKED[1]) in text
    text = (await desk.get(f"/admin/disputes/{id_}")).text
    assert f"Dispute of session #{session.id}" in text
    assert f"18 Nov 2026, {BEGAN.astimezone(THERE):%H:%M}" in text
    assert "<dt>Looks wrong</dt><dd><b>Cost</b></dd>" in text
    _, subject, body = mail(await panel(page, session))
    assert subject == f"Session #{session.id}"
    assert f"Date and time: 18 Nov 2026, {BEGAN.astimezone(THERE):%H:%M}" in body
    assert "Disputed (kWh, duration, cost or charger): Cost" in body
    assert "Expected: €7.66" in body
    assert "Why: Only an hour\nat 0.28" in body
    assert f"look wrong: {clock(MARKED[0])}, {clock(MARKED[1])}" in body


@pytest.mark.parametrize("figure", ["kwh", "duration", "cost", "charger", "average", ""])
async def test_S18_the_disputed_number_is_one_of_four(
    page: Browser, pool: Pool, ada: Account, figure: str
) -> None:
    session = await charged(pool, ada)

    shown = await dispute(page, session, figure=figure)
    is_one = figure in {"kwh", "duration", "cost", "charger"}
    assert shown.status == (303 if is_one else 422)
    assert await pool.fetchval("select count(*) from dispute") == is_one
    if not is_one:
        assert "Choose the number that looks wrong" in shown.text


async def test_S19_number_times_charger_and_figures_are_filled_in_for_the_driver(
    page: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    public_id = await pool.fetchval("select public_id from station")

    text = await panel(page, session)
    assert f"<dd>#{session.id}</dd>" in text
    began, ended = (f"{at.astimezone(THERE):%H:%M}" for at in (BEGAN, ENDED))
    assert f"18 Nov 2026, {began} – {ended}" in text
    for figure in (KWH, TOOK, AVERAGE, f"€{TOTAL}", public_id, "Type 2", "22 kW"):
        assert figure in text, figure
        assert figure in mail(text)[2], figure


async def test_S20_a_mail_confirms_the_dispute_with_the_session_number(
    page: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    await dispute(page, session)

    sent = (await pool.fetch("select * from mail"))[0]
    assert (sent["kind"], sent["recipient"]) == ("dispute_received", ADA)
    for part in (sent["subject"], sent["body_text"], sent["body_html"]):
        assert f"#{session.id}" in part
    assert f"/sessions/{session.id}#dispute" in sent["body_text"]


async def test_S21_the_cost_is_adjusted_without_the_card(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    await dispute(page, session)
    id_ = await pool.fetchval("select id from dispute")
    before = await pool.fetch("select * from id_token"), await pool.fetch("select * from command")

    await step(desk, id_, "credit", amount="2", credit_reason="The pole said €0.28")
    credited = await pool.fetchval("select sum(amount) from price_step where kind = 'credit'")
    assert credited == Decimal(-2)
    assert f"left <b>€{TOTAL - 2}</b>" in (await desk.get(f"/admin/disputes/{id_}")).text
    after = await pool.fetch("select * from id_token"), await pool.fetch("select * from command")
    assert after == before


async def test_S21_an_included_session_has_nothing_to_give_back(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada, total=Decimal(0), is_included=True)
    assert "<dt>Cost</dt><dd>Included</dd>" in await panel(page, session)
    await dispute(page, session, figure="kwh")
    id_ = await pool.fetchval("select id from dispute")

    text = (await desk.get(f"/admin/disputes/{id_}")).text
    assert "The energy is included: nothing was charged" in text
    refused = await step(desk, id_, "credit", amount="1", credit_reason="Sorry")
    assert refused.status == 422
    assert await pool.fetchval("select count(*) from price_step") == 0


async def test_S22_a_credit_names_a_coming_statement_and_the_finished_price_stays(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    price = await pool.fetchrow("select * from session_price")
    updated_at = await pool.fetchval("select updated_at from charging_session")
    await dispute(page, session)
    id_ = await pool.fetchval("select id from dispute")
    this_month = datetime.now(UTC).date().replace(day=1)  # the operator's zone is UTC here

    await step(desk, id_, "credit", amount="2.00", credit_reason="The pole said €0.28")
    text = await panel(page, session)
    assert f"Credit of €2.00, on your statement of {this_month:%B %Y}" in text
    assert "The pole said €0.28" in text
    entry = (await pool.fetch("select * from price_step where kind = 'credit'"))[0]
    assert entry["statement_month"] == this_month
    assert entry["account_id"] == ada.id
    assert await pool.fetchrow("select * from session_price") == price
    assert await pool.fetchval("select updated_at from charging_session") == updated_at
