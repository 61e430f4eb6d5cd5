"""The bell and the page behind it: everybody's own, and nobody else's."""

from __future__ import annotations

from db import notices
from db.rows import Pool
from portal.context import NOTIFIER
from tests.portal.browser import add_person, signed_in
from tests.portal.conftest import Api

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"


async def tell(pool: Pool, account_id: int, count: int = 1, path: str | None = None) -> None:
    async with pool.acquire() as conn:
        for number in range(1, count + 1):
            await notices.add(
                conn, account_id, "session.complete", title=f"Notice {number}.", path=path
            )


async def test_the_bell_says_how_many_are_unread(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as browser:
        assert "none unread" in (await browser.get("/notices/bell")).text
        await tell(pool, ada.id, 3)

        bell = (await browser.get("/notices/bell")).text

    assert "3 unread" in bell
    assert 'hx-trigger="sse:notices"' in bell


async def test_each_page_has_the_bell_for_both_roles(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    await add_person(pool, OMAR, role="admin")
    for email, path in ((ADA, "/"), (ADA, "/notices"), (OMAR, "/admin/cards"), (OMAR, "/notices")):
        async with signed_in(api.port, email) as browser:
            shown = await browser.get(path)

        assert shown.status == 200
        assert 'href="/notices"' in shown.text, (email, path)


async def test_the_newest_are_first_and_25_more_are_loaded(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await tell(pool, ada.id, 60)
    async with signed_in(api.port, ADA) as browser:
        page = (await browser.get("/notices")).text
        before = page.partition('href="/notices?before=')[2].partition('"')[0]
        rest = (await browser.get(f"/notices?before={before}", HX_Request="true")).text

    assert page.index("Notice 60.") < page.index("Notice 36.")
    assert "Notice 35." not in page
    assert rest.index("Notice 35.") < rest.index("Notice 11.")
    assert "Notice 10." not in rest
    assert "<html" not in rest


async def test_what_came_since_stands_above_what_was_shown(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await tell(pool, ada.id, 26)
    async with signed_in(api.port, ADA) as browser:
        page = (await browser.get("/notices")).text
        again = page.partition('hx-get="/notices/first')[2].partition('"')[0]
        await tell(pool, ada.id, 30)

        first = (await browser.get(f"/notices/first{again}", HX_Request="true")).text

    assert first.count("<li id=") == 55
    assert "Notice 1." in first, "of the second thirty"


async def test_one_is_read_and_leads_to_its_page(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await tell(pool, ada.id, 2, path="/cards")
    number = await pool.fetchval("select min(id) from notice")
    async with signed_in(api.port, ADA) as browser:
        opened = await browser.post(f"/notices/{number}/read", {"open": "1"}, page="/notices")

        assert opened.path == "/cards"
        assert "1 unread" in (await browser.get("/notices")).text
        await browser.post("/notices/read", {}, page="/notices")
        assert "All read" in (await browser.get("/notices")).text
    assert await pool.fetchval("select count(*) from notice where read_at is null") == 0


async def test_anothers_notice_is_not_there_and_stays_unread(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await add_person(pool, GRACE)
    await tell(pool, ada.id)
    number = await pool.fetchval("select id from notice")
    async with signed_in(api.port, GRACE) as browser:
        theirs = await browser.post(f"/notices/{number}/read", {}, page="/notices")
        none = await browser.post(f"/notices/{number + 1}/read", {}, page="/notices")
        await browser.post("/notices/read", {}, page="/notices")
        page = await browser.get("/notices")

    assert theirs.status == none.status == 404
    assert "Notice 1." not in page.text
    assert await pool.fetchval("select read_at from notice") is None


async def test_reading_them_changes_nothing(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await tell(pool, ada.id)
    async with signed_in(api.port, ADA) as browser:
        for path in ("/notices", "/notices/first", "/notices/bell", "/notices?before=x"):
            assert (await browser.get(path)).status == 200

    assert await pool.fetchval("select count(*) from notice where read_at is null") == 1


async def test_only_their_own_pages_hear_of_a_notice(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await add_person(pool, OMAR, role="admin")
    async with (
        signed_in(api.port, ADA) as hers,
        signed_in(api.port, OMAR) as his,
        hers.stream() as ada_hears,
        his.stream() as omar_hears,
    ):
        api.app[NOTIFIER].changed(notices.topic(ada.id))

        assert await ada_hears.names() == ["notices"]
        assert await omar_hears.names() == [], "an admin hears all but others' notices"
