"""Disputes in both portals: who may, what is refused, what is told, and what is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from db.accounts import Account
from db.rows import Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.portal.disputing import (
    BEGAN,
    STEP,
    TOTAL,
    charged,
    dispute,
    last_of,
    panel,
    sent,
    step,
)

ADA, GRACE, OMAR, ROSA = (f"{name}@example.org" for name in ("ada", "grace", "omar", "rosa"))


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


@pytest.fixture
async def second_desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, ROSA, role="admin")
    async with signed_in(api.port, ROSA) as desk:
        yield desk


@pytest.fixture
async def id_(page: Browser, pool: Pool, ada: Account) -> int:
    """A dispute of Ada's, just sent."""
    assert (await dispute(page, await charged(pool, ada))).status == 303
    found: int = await pool.fetchval("select id from dispute")
    return found


async def state(pool: Pool, id_: int) -> str:
    found: str = await pool.fetchval("select state::text from dispute where id = $1", id_)
    return found


async def test_what_was_typed_is_there_again_with_an_error_at_each_field(
    page: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)

    shown = await dispute(page, session, BEGAN + STEP, expected="", why="x" * 2001)
    assert shown.status == 422
    assert "Enter what you expected" in shown.text
    assert "Use 2000 characters at most" in shown.text
    assert "x" * 2001 in shown.text
    assert 'value="cost" required checked' in shown.text
    assert f'value="{(BEGAN + STEP).isoformat()}" checked' in shown.text
    assert await pool.fetchval("select count(*) from dispute") == 0


@pytest.mark.parametrize("said", ["yesterday", "2026-11-18T17:04:12", "", "0"])
async def test_a_marked_time_that_is_none_is_refused(
    page: Browser, pool: Pool, ada: Account, said: str
) -> None:
    session = await charged(pool, ada)

    fields = sent() | {"marked": said}
    shown = await page.post(f"/sessions/{session.id}/dispute", fields, page="/nothing")
    assert shown.status == 422
    assert "Mark only rows" in shown.text


async def test_another_drivers_session_is_not_there_to_be_disputed(
    api: Api, page: Browser, pool: Pool, ada: Account
) -> None:
    grace = await add_person(pool, GRACE)
    session = await charged(pool, grace)

    for number in (session.id, session.id + 1, 2**40):
        path = f"/sessions/{number}/dispute"
        assert (await page.get(path, HX_Request="true")).status == 404
        assert (await page.post(path, sent(), page="/nothing")).status == 404
    assert await pool.fetchval("select count(*) from dispute") == 0


async def test_a_session_has_one_open_dispute_at_a_time(
    page: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)

    both = await asyncio.gather(dispute(page, session), dispute(page, session))
    assert sorted(shown.status for shown in both) == [303, 422]
    assert "has a dispute that is not closed yet" in (await dispute(page, session)).text
    assert await pool.fetchval("select count(*) from dispute") == 1
    assert await pool.fetchval("select count(*) from mail") == 1


async def test_sending_writes_one_audit_row_and_tells_every_admin(
    page: Browser, desk: Browser, second_desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    async with desk.stream() as stream:
        await dispute(page, session)
        names = await stream.names(within_s=2)
    id_ = await pool.fetchval("select id from dispute")

    assert {f"dispute:{id_}", "disputes"} <= set(names)
    rows = await pool.fetch("select * from audit where action = 'dispute.opened'")
    assert [(row["account_id"], row["subject"]) for row in rows] == [(ada.id, f"dispute:{id_}")]
    told = await pool.fetch(
        """
        select email, path from notice join account on account.id = account_id
        where kind = 'dispute.opened' order by email
        """
    )
    assert [row["path"] for row in told] == [f"/admin/disputes/{id_}"] * len(told)
    assert {OMAR, ROSA} <= {row["email"] for row in told}
    assert await pool.fetchval("select count(*) from notice where account_id = $1", ada.id) == 0


async def test_each_step_of_the_admin_reaches_the_driver(
    page: Browser, desk: Browser, pool: Pool, ada: Account, id_: int
) -> None:
    session = (await pool.fetch("select * from charging_session"))[0]
    seen = []
    steps: list[tuple[str, dict[str, str], str]] = [
        ("acknowledge", {}, "acknowledged"),
        ("answer", {"answer": "You are right:\nthe pole said €0.28."}, "answered"),
        ("credit", {"amount": "1.67", "credit_reason": "Wrong tariff"}, "answered"),
        ("close", {"close_reason": "Settled"}, "closed"),
    ]
    for what, words, then in steps:
        assert (await step(desk, id_, what, words)).status == 200
        assert await state(pool, id_) == then
        seen.append((await page.get(f"/sessions/{session['id']}/dispute", HX_Request="true")).text)

    for text, word in zip(seen[:3], ("Acknowledged", "Answered", "Answered"), strict=True):
        assert f"</svg>{word}</span>" in text
        assert "Send dispute" not in text
    assert "You are right:\nthe pole said €0.28." in seen[1]
    assert "Credit of €1.67" in seen[2]
    assert "Settled" in seen[3]
    assert "Dispute it again" in seen[3]
    order = [seen[3].index(part) for part in ("You sent", "Acknowledged.", "answered", "Credit of")]
    assert order == sorted(order)
    kinds = "select kind from notice where account_id = $1 order by id"
    assert [row["kind"] for row in await pool.fetch(kinds, ada.id)] == [
        "dispute.acknowledged",
        "dispute.answered",
        "dispute.credited",
        "dispute.closed",
    ]
    assert [
        row["action"]
        for row in await pool.fetch(
            "select action from audit where action ~ '^dispute' order by id"
        )
    ] == [
        "dispute.opened",
        "dispute.acknowledged",
        "dispute.answered",
        "dispute.credited",
        "dispute.closed",
    ]


async def test_an_answer_is_a_mail_with_the_session_number_and_the_credit(
    desk: Browser, pool: Pool, id_: int
) -> None:
    number = await pool.fetchval("select session_id from dispute")
    await step(desk, id_, "credit", amount="1.5", credit_reason="Wrong tariff")
    await step(desk, id_, "answer", answer="You are <right>.")

    mail = (await pool.fetch("select * from mail where kind = 'dispute_answered'"))[0]
    assert mail["recipient"] == ADA
    assert f"#{number}" in mail["subject"]
    assert "You are <right>." in mail["body_text"]
    assert "You are &lt;right&gt;." in mail["body_html"]
    assert "€1.50" in mail["body_text"]


@pytest.mark.parametrize("was_answered", [False, True])
async def test_whoever_had_no_answer_gets_the_reason_of_the_closing_by_mail(
    desk: Browser, pool: Pool, id_: int, was_answered: bool
) -> None:
    if was_answered:
        await step(desk, id_, "answer", answer="The meter is right.")
    await step(desk, id_, "close", close_reason="Nothing was wrong")

    texts = await pool.fetch("select body_text from mail where kind = 'dispute_answered'")
    assert [("Nothing was wrong" in row["body_text"]) for row in texts] == [not was_answered]


async def test_the_second_of_two_admins_is_told_that_it_moved(
    desk: Browser, second_desk: Browser, pool: Pool, id_: int
) -> None:
    opened = last_of((await second_desk.get(f"/admin/disputes/{id_}")).text)
    await step(desk, id_, "acknowledge")

    late = await step(second_desk, id_, "close", last=opened, close_reason="Nothing was wrong")
    assert late.status == 409
    assert "It moved while you were looking: omar acknowledged it" in late.text
    assert "Nothing was wrong" in late.text  # what was typed is still there
    assert await state(pool, id_) == "acknowledged"
    assert (await step(second_desk, id_, "close", close_reason="Nothing was wrong")).status == 200


async def test_two_admins_at_the_same_moment_give_one_credit(
    desk: Browser, second_desk: Browser, pool: Pool, id_: int
) -> None:
    last = last_of((await desk.get(f"/admin/disputes/{id_}")).text)
    words = {"amount": str(TOTAL), "credit_reason": "All of it"}

    both = await asyncio.gather(
        *(step(each, id_, "credit", words, last=last) for each in (desk, second_desk))
    )
    assert sorted(shown.status for shown in both) == [200, 409]
    assert await pool.fetchval("select sum(amount) from price_step") == -TOTAL


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("9.34", "at most €9.33"),
        ("0", "above 0"),
        ("-1", "above 0"),
        ("1.005", "Use 2 decimals at most"),
        ("a lot", "Enter a number"),
        ("", "Enter the amount"),
    ],
)
async def test_a_credit_is_at_most_what_is_left_of_the_price(
    desk: Browser, pool: Pool, id_: int, amount: str, why: str
) -> None:
    refused = await step(desk, id_, "credit", amount=amount, credit_reason="Sorry")
    assert refused.status == 422
    assert why in refused.text
    assert await pool.fetchval("select count(*) from price_step") == 0
    assert await pool.fetchval("select count(*) from audit where action = 'dispute.credited'") == 0


async def test_credits_add_up_to_the_price_and_no_further(
    page: Browser, desk: Browser, pool: Pool, ada: Account, id_: int
) -> None:
    await step(desk, id_, "credit", amount="9", credit_reason="Most of it")
    assert (
        "at most €0.33"
        in (await step(desk, id_, "credit", amount="0.34", credit_reason="The rest")).text
    )
    assert (await step(desk, id_, "credit", amount="0,33", credit_reason="Rest")).status == 200
    refused = await step(desk, id_, "credit", amount="0.01", credit_reason="More")

    assert refused.status == 422
    assert "Nothing is left of the price to credit" in refused.text
    assert await pool.fetchval("select sum(amount) from price_step") == -TOTAL
    detail = await pool.fetch(
        "select detail::text from audit where action = 'dispute.credited' order by id"
    )
    assert [json.loads(row["detail"])["amount"] for row in detail] == ["9", "0.33"]


async def test_an_unknown_price_has_nothing_to_credit_from(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada, total=None)
    assert "<dt>Cost</dt><dd>unknown</dd>" in await panel(page, session)
    await dispute(page, session)
    id_ = await pool.fetchval("select id from dispute")

    refused = await step(desk, id_, "credit", amount="1", credit_reason="Sorry")
    assert refused.status == 422
    assert "The price is not known yet" in refused.text


async def test_disputing_again_after_the_end_is_a_new_dispute_beside_the_old_one(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    await dispute(page, session)
    first = await pool.fetchval("select id from dispute")
    await step(desk, first, "close", close_reason="Nothing was wrong")
    refused = await desk.post(
        f"/admin/disputes/{first}/answer", {"answer": "More"}, page="/admin/disputes"
    )
    assert refused.status == 409
    assert "This dispute is closed" in refused.text

    assert (await dispute(page, session, figure="kwh")).status == 303
    second = await pool.fetchval("select max(id) from dispute")
    assert second != first
    text = await panel(page, session)
    assert "The kWh look wrong" in text
    assert "The cost looks wrong" in text
    assert f'href="/admin/disputes/{first}"' in (await desk.get(f"/admin/disputes/{second}")).text


async def test_the_evidence_stands_beside_the_words_and_says_what_changed(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    await dispute(page, session, BEGAN + 3 * STEP, figure="kwh")
    id_ = await pool.fetchval("select id from dispute")
    await pool.execute(
        "update charging_session set energy_wh = 13540, flags = '{meter_reset}', "
        "is_price_due = false"
    )
    await pool.execute(
        """
        insert into authorization_decision (station_id, at, uid, type, purpose, status, reason,
            session_id)
        values ($1, $2, 'ADA-1', 'ISO14443', 'start', 'Accepted', 'the card is Ada''s', $3)
        """,
        session.station_id,
        BEGAN,
        session.id,
    )

    text = (await desk.get(f"/admin/disputes/{id_}")).text
    assert "<td>14.04 kWh</td><td><b>13.54 kWh</b><small>changed since</small></td>" in text
    assert text.count("Marked</span>") == 1
    assert "+8.020" in text  # the marked step, of the meter's register
    assert "8,424.840" in text
    assert "meter was reset" in text
    assert "the card is Ada&#39;s" in text
    assert f'href="/admin/transactions/{session.id}"' in text
    assert "Accepted" in text


async def test_the_queue_has_open_ones_first_and_the_longest_waiting_on_top(
    page: Browser, desk: Browser, pool: Pool, ada: Account
) -> None:
    for n in range(1, 6):
        await dispute(page, await charged(pool, ada, identity=f"CP-{n}"))
    ids = [row["id"] for row in await pool.fetch("select id from dispute order by id")]
    await step(desk, ids[0], "acknowledge")
    await step(desk, ids[3], "answer", answer="The meter is right.")
    await step(desk, ids[4], "close", close_reason="A test")

    def shown(text: str) -> list[int]:
        parts = text.split('href="/admin/disputes/')[1:]
        return [int(part.partition('"')[0]) for part in parts if part[0].isdigit()]

    waiting = [ids[1], ids[2], ids[0], ids[3]]
    for view, expected in (
        ("", waiting),
        ("?state=nothing", waiting),
        ("?state=open", ids[1:3]),
        ("?state=acknowledged", ids[:1]),
        ("?state=answered", ids[3:4]),
        ("?state=closed", ids[4:]),
        (f"?state=closed&before={ids[4]}", []),
    ):
        assert shown((await desk.get(f"/admin/disputes{view}")).text) == expected, view
    part = await desk.get("/admin/disputes?state=open", HX_Request="true")
    assert "<html" not in part.text
    assert "Open (2)" in part.text


@pytest.mark.usefixtures("no_jobs")
async def test_looking_at_disputes_changes_nothing(
    page: Browser, desk: Browser, pool: Pool, id_: int
) -> None:
    number = await pool.fetchval("select session_id from dispute")
    before = await build.everything(pool, but={"web_session"})

    for path in ("", f"/{id_}", f"/{id_}/history"):
        assert (await desk.get(f"/admin/disputes{path}")).status == 200
    await page.get(f"/sessions/{number}/dispute", HX_Request="true")
    assert (await desk.get(f"/admin/disputes/{id_ + 1}")).status == 404
    assert (await desk.get(f"/admin/disputes/{2**70}")).status == 404
    assert await build.everything(pool, but={"web_session"}) == before


async def test_the_drivers_page_hears_that_the_dispute_moved(
    page: Browser, desk: Browser, pool: Pool, id_: int
) -> None:
    number = await pool.fetchval("select session_id from dispute")
    async with page.stream() as stream:
        await step(desk, id_, "acknowledge")
        names = await stream.names(within_s=2)

    assert {f"session:{number}", "notices"} <= set(names)
    assert f"dispute:{id_}" not in names
    assert (
        f'hx-trigger="sse:session:{number}"'
        in (await page.get(f"/sessions/{number}/dispute", HX_Request="true")).text
    )


async def test_a_session_of_no_time_has_a_dash_for_its_average(
    page: Browser, pool: Pool, ada: Account
) -> None:
    session = await charged(pool, ada)
    await pool.execute("update charging_session set ended_at = started_at, is_price_due = false")

    assert "<dt>Average kW</dt><dd>–</dd>" in await panel(page, session)


async def test_credits_are_of_the_month_in_the_operators_zone(
    desk: Browser, pool: Pool, id_: int
) -> None:
    before = await pool.fetchval("select date_trunc('month', now() at time zone 'UTC')::date")
    await step(desk, id_, "credit", amount="0.01", credit_reason="Rounding")

    step_ = (await pool.fetch("select * from price_step"))[0]
    assert step_["amount"] == Decimal("-0.01")
    assert before <= step_["statement_month"] <= before + timedelta(days=31)
