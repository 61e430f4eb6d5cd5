"""What every page shares: toasts, fields, and ways back that never lead elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web

from db.config import DatabaseConfig
from db.rows import Pool
from portal import pages
from portal.app import make_app
from portal.config import Config
from portal.forms import Form
from tests.portal.browser import add_person, browser, signed_in
from tests.portal.conftest import Api

ADA = "ada@example.org"


@pytest.fixture
def templates(tmp_path: Path) -> jinja2.Environment:
    app: web.Application = make_app(Config(DatabaseConfig(data_dir=tmp_path)), "postgresql://")
    return aiohttp_jinja2.get_env(app)


def drawn(templates: jinja2.Environment, text: str, **context: object) -> str:
    macros = "icon, badge, field, select_field, empty, problems"
    template = templates.from_string(f'{{% from "ui.html" import {macros} %}}{text}')
    return re.sub(r"\s+", " ", template.render(context)).strip()


def form(given: Mapping[str, str] | None = None, **errors: str) -> Form:
    return Form(given or {}, errors)


def test_a_field_keeps_what_was_typed_and_says_what_is_wrong(
    templates: jinja2.Environment,
) -> None:
    given = form({"name": '"><script>'}, name="Use letters")

    shown = drawn(templates, '{{ field(f, "name", "Name", hint="As drivers read it") }}', f=given)

    assert 'value="&#34;&gt;&lt;script&gt;"' in shown
    assert '<label for="f-name">Name</label>' in shown
    assert 'aria-invalid="true" aria-describedby="f-name-hint f-name-error"' in shown
    assert 'id="f-name-error">' in shown
    assert "required" in shown


def test_a_password_is_never_drawn_again(templates: jinja2.Environment) -> None:
    given = form({"password": "hunter2"})

    shown = drawn(templates, '{{ field(f, "password", "Password", type="password") }}', f=given)

    assert "hunter2" not in shown


def test_a_choice_keeps_what_was_chosen(templates: jinja2.Environment) -> None:
    text = '{{ select_field(f, "site", "Site", [("", "none"), (3, "Quay")], value=0) }}'

    assert '<option value="3" selected>Quay</option>' in drawn(
        templates, text, f=form({"site": "3"})
    )
    assert "selected" not in drawn(templates, text, f=form())


def test_problems_lead_to_their_fields(templates: jinja2.Environment) -> None:
    shown = drawn(templates, "{{ problems(f) }}", f=form(name="Use letters", zone="Choose one"))

    assert "Two things to put right" in shown
    assert '<a href="#f-zone">Choose one</a>' in shown
    assert drawn(templates, "{{ problems(f) }}", f=form()) == ""


def test_a_badge_pulses_only_where_energy_flows(templates: jinja2.Environment) -> None:
    assert "dot live" in drawn(templates, '{{ badge("In use", "live", live=true) }}')
    assert "dot live" not in drawn(templates, '{{ badge("Online", "ok", "check") }}')


@pytest.mark.parametrize("path", ["/", "/admin/cards?q=a&b=%2f", "/a//b", "/x?next=https://a.b"])
def test_a_path_of_ours_is_a_way_back(path: str) -> None:
    assert pages.local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "admin", "//evil.example", "/\\evil.example", "https://evil.example", "/\n/x", "/\t/x"],
)
def test_what_may_lead_elsewhere_is_none(path: str) -> None:
    assert pages.local_path(path) == "/"


async def test_a_toast_is_shown_once(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        first = await page.post("/sign-out", {}, page="/nothing")
        second = await page.get("/sign-in")

        assert "You are signed out." in first.text
        assert "You are signed out." not in second.text


async def test_a_toast_is_only_text(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        shown = await page.get("/sign-in", Cookie="toast=%3Cscript%3Ehi")

        assert "&lt;script&gt;hi" in shown.text


async def test_a_page_is_sent_small_and_kept_by_nobody(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with browser(api.port) as page:
        shown = await page.get("/sign-in")

        assert shown.headers["Content-Encoding"] == "gzip"
        assert shown.headers["Cache-Control"] == "no-store"
        assert int(shown.headers["Content-Length"]) < 4_000
