"""What an open page hears, without its socket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from db.accounts import Account
from db.changes import RELOAD
from portal.live import MOST_NAMES, MOST_PAGES, Live, Page

NOW_S = 0.0


def account(id_: int, role: Literal["driver", "admin"] = "driver") -> Account:
    return Account(
        id=id_,
        email=f"{id_}@example.com",
        name=f"Person {id_}",
        role=role,
        is_active=True,
        created_at=datetime.now(UTC),
    )


async def heard(page: Page) -> set[str]:
    return set(await page.names(NOW_S))


async def test_a_driver_hears_of_what_is_theirs_and_of_chargers() -> None:
    live = Live()
    with live.subscribe(account(12)) as page:
        live.heard({"session:7@12", "command:3:9@12", "station:3", "link:3", "id_token:4"})

        assert await heard(page) == {
            *("session:7", "sessions", "command:3:9", "station:3", "stations"),
        }
        assert await heard(page) == set()


async def test_a_driver_hears_nothing_of_others() -> None:
    live = Live()
    with live.subscribe(account(12)) as page:
        live.heard({"session:8@1", "session:9@121", "session:10", "command:3:9", "command:3:10@1"})

        assert await heard(page) == set()


async def test_an_admin_hears_all() -> None:
    live = Live()
    with live.subscribe(account(1, "admin")) as page:
        live.heard({"session:7@12", "session:8", "command:3:9@12", "id_token:4"})

        assert await heard(page) == {
            "session:7",
            "session:8",
            "sessions",
            "command:3:9",
            "id_token:4",
        }


async def test_a_page_that_is_behind_reads_everything_again() -> None:
    live = Live()
    with live.subscribe(account(1, "admin")) as page:
        live.heard({f"link:{n}" for n in range(MOST_NAMES)})
        assert len(await heard(page)) == MOST_NAMES

        live.heard({f"link:{n}" for n in range(MOST_NAMES + 1)})
        live.heard({"link:1"})
        assert await heard(page) == {RELOAD}


async def test_after_an_interruption_everybody_reads_everything_again() -> None:
    live = Live()
    with live.subscribe(account(12)) as page:
        live.heard({"session:7@1", RELOAD})

        assert await heard(page) == {RELOAD}


async def test_an_account_has_only_so_many_pages_and_the_oldest_gives_way() -> None:
    live = Live()
    with live.subscribe(account(12)) as oldest, live.subscribe(account(13)) as other:
        pages = [live.subscribe(account(12)) for _ in range(MOST_PAGES)]
        opened = [page.__enter__() for page in pages]

        assert oldest.is_over
        assert not other.is_over
        assert not any(page.is_over for page in opened)

        for page in pages:
            page.__exit__(None, None, None)


async def test_who_was_signed_out_is_asked_again() -> None:
    live = Live()
    with live.subscribe(account(12)) as theirs, live.subscribe(account(13)) as other:
        live.heard({"account:12"})

        assert theirs.is_doubted
        assert not other.is_doubted
        assert await heard(theirs) == set()


async def test_at_the_end_all_pages_end_and_none_begins() -> None:
    live = Live()
    with live.subscribe(account(12)) as before:
        live.close()
        with live.subscribe(account(13)) as after:
            assert before.is_over
            assert after.is_over


async def test_notices_are_heard_by_whom_they_are_for_admins_too() -> None:
    live = Live()
    with live.subscribe(account(12)) as hers, live.subscribe(account(1, "admin")) as his:
        live.heard({"notices@12"})

        assert await heard(hers) == {"notices"}
        assert await heard(his) == set()
