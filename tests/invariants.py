"""
What must be true of every database in which a charger said something (reliability C0).

`check_invariants` runs after every test that had a database of its own (tests/conftest.py). Rows
that a test wrote by hand never had a charger; what only a charger's words can bring about is asked
of sessions that have a `start_key` or `stop_key`, or whose start was never heard.

What the far end alone can see is asked of its journal (tests/journals.py): I-1 whole, and of I-6
and I-7 what no row shows. No database shows these, and these tests hold them:

I-6   never two answers, in order: tests/ocpp/test_frames_catalogue.py, tests/ocpp/test_link_life.py
I-7   one CALL at a time on the wire: tests/ocpp/test_commands.py
I-8   the registry is what is so: tests/ocpp/test_takeover.py, tests/db/test_links.py
I-9   delivered at least once, told once: tests/portal/test_mails.py
I-12  no leak, no traceback: `Log` of tests/ocpp/conftest.py, tests/portal/test_process.py
I-14  signed values up to the export: tests/rules/test_samples.py, tests/portal/test_readings.py
I-15  "today" in the operator's zone: tests/portal/test_overview.py, tests/statements/test_browse.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from db.model.readings import decode_samples
from db.rows import Conn
from tests import journals as far_end

#: Flags under which an energy is not simply the last register minus the first.
_METERED_ODDLY = """
    '{energy_estimated,implausible_reading,inlet_based,late_reading,meter_reset,meter_rollover,
      phase_mismatch,register_mismatch,unit_suspect,stop_conflict,clock_unset,clock_missing,
      clock_unreadable}'::text[]
"""
_BY_CHARGER = "(s.start_key is not null or s.stop_key is not null or 'no_start' = any (s.flags))"


class Broken(AssertionError):  # noqa: N818 - it reads as what happened
    """Invariants that do not hold, one a line, each with its rows."""


class Invariant(NamedTuple):
    """`rows` selects one text for each row that breaks it."""

    id: str
    sentence: str
    rows: str


INVARIANTS = [
    Invariant(
        "I-2",
        "a session runs if and only if it has a live row and no end",
        f"""
        select format('session %s', s.id) from charging_session s
        left join session_live live on live.station_id = s.station_id and live.session_id = s.id
        where {_BY_CHARGER} and (
            s.is_finalized = (live.session_id is not null)
            or s.is_finalized = (s.ended_at is null)
        )
        """,
    ),
    Invariant(
        "I-2",
        "one physical start is one session",
        """
        select format('sessions %s of station %s', string_agg(s.id::text, ', '), s.station_id)
        from charging_session s
        where s.family = 'v16' and s.start_key is not null
            and s.evse is not null -- two starts on no connector may be of two vehicles
            and not s.flags && '{clock_unset,clock_missing,clock_unreadable}'
        group by s.station_id, s.evse, lower(s.id_token), s.started_at, s.meter_start_wh
        having count(*) > 1
        """,
    ),
    Invariant(
        "I-2",
        "sessions of one transaction number do not overlap",
        """
        select format('sessions %s and %s', s.id, later.id) from charging_session s
        join charging_session later using (station_id, family, transaction_id)
        where s.generation < later.generation and s.start_key is not null
            and later.start_key is not null and later.started_at < s.ended_at
            and not later.flags && '{clock_unset,clock_missing,clock_unreadable}'
            and not s.flags && '{clock_unset,clock_missing,clock_unreadable}'
        """,
    ),
    Invariant(
        "I-3",
        "no session ends before it began",
        f"""
        select format('session %s', s.id) from charging_session s
        where s.ended_at < s.started_at and {_BY_CHARGER}
        """,
    ),
    Invariant(
        "I-3",
        "an ended session whose energy is not known is for a person to look at",
        f"""
        select format('session %s', s.id) from charging_session s
        where s.is_finalized and not s.is_recompute_due and s.energy_wh is null
            and not 'needs_review' = any (s.flags) and {_BY_CHARGER}
        """,
    ),
    Invariant(
        "I-3",
        "where nothing is odd, the energy is the last register minus the first",
        f"""
        select format('session %s has %s Wh of %s', s.id, s.energy_wh, found.rise)
        from charging_session s
        cross join lateral (
            select
                greatest(max(r.energy_wh), s.meter_stop_wh)
                    - least(min(r.energy_wh), s.meter_start_wh) as rise,
                min(r.at) as first_at
            from reading r
            where r.station_id = s.station_id and r.session_id = s.id and r.energy_wh is not null
                and r.at between s.started_at - interval '60 s' and s.ended_at + interval '60 s'
                and (s.meter_start_wh is null or r.at >= s.started_at)
        ) found
        where s.is_finalized and not s.is_recompute_due and s.energy_wh is not null
            and not s.flags && {_METERED_ODDLY} and {_BY_CHARGER}
            and (s.read_from is null or found.first_at <= s.read_from)
            and abs(s.energy_wh - found.rise) > 1
        """,
    ),
    Invariant(
        "I-4",
        "the lines of a price add up to its total",
        """
        select format('session %s: %s is not %s', session_id, sum(amount), total)
        from (
            select session_id, total, (line ->> 'amount')::numeric as amount
            from session_price, jsonb_array_elements(lines) line
        ) lined
        where total is not null
        group by session_id, total having sum(amount) <> total
        """,
    ),
    Invariant(
        "I-4",
        "a price is what its steps come to, and after it was told only adjustments move it",
        """
        select format('session %s: steps come to %s, not %s', p.session_id, steps.total, p.total)
        from session_price p
        cross join lateral (
            select
                (select step.amount from price_step step
                 where step.station_id = p.station_id and step.session_id = p.session_id
                     and step.kind in ('priced', 'repriced')
                 order by step.id desc limit 1)
                + coalesce((select sum(step.amount) from price_step step
                 where step.station_id = p.station_id and step.session_id = p.session_id
                     and step.kind = 'adjustment'), 0) as total
        ) steps
        where p.total is not null and steps.total <> p.total
            and not exists ( -- what was given back by a credit is not given back again
                select from price_step credit
                where credit.station_id = p.station_id and credit.session_id = p.session_id
                    and credit.kind = 'credit'
            )
        union all
        select format('session %s: priced again after it was told', p.session_id)
        from session_price p
        join price_step step using (station_id, session_id)
        where step.kind = 'repriced' and step.at > p.settled_at + interval '1 minute'
        """,
    ),
    Invariant(
        "I-5",
        "at most one session runs on an EVSE",
        """
        select format('sessions %s on EVSE %s of station %s',
            string_agg(s.id::text, ', '), s.evse, s.station_id)
        from charging_session s
        where not s.is_finalized and s.evse is not null
        group by s.station_id, s.evse having count(*) > 1
        """,
    ),
    Invariant(
        "I-7",
        "no two CALLs to a station were answered while both were out",
        """
        select format('commands %s and %s of station %s', a.id, b.id, a.station_id)
        from command a join command b using (station_id)
        where a.id < b.id and a.answer is not null and b.answer is not null
            and (a.sent_at, a.settled_at) overlaps (b.sent_at, b.settled_at)
        """,
    ),
    Invariant(
        "I-9",
        "of a session its driver is told once",
        """
        select format('notices %s', string_agg(id::text, ', '))
        from notice where kind = 'session.complete' and path is not null
        group by account_id, path having count(*) > 1
        """,
    ),
    Invariant(
        "I-10",
        "what is said of a session is of its own station, which knows it by the number we gave",
        """
        select format('reading at %s of station %s names session %s', r.at, r.station_id, s.id)
        from reading r join charging_session s on s.id = r.session_id
        where s.station_id <> r.station_id
        union all
        select format('decision %s names session %s', d.id, s.id)
        from authorization_decision d join charging_session s on s.id = d.session_id
        where s.station_id <> d.station_id
        union all
        select format('quarantine %s names session %s', q.id, s.id)
        from quarantine q join charging_session s on s.id = q.session_id
        where s.station_id <> q.station_id
        union all
        select format('reading at %s of transaction %s is in session %s', r.at,
            r.transaction_id, s.id)
        from reading r join charging_session s
            on s.station_id = r.station_id and s.id = r.session_id
        where r.transaction_id <> s.transaction_id and s.start_key is not null
            and not exists (select from quarantine q where q.assigned_to = s.id)  -- by a person
        union all
        select format('session %s is known as %s', s.id, s.transaction_id)
        from charging_session s
        where s.family = 'v16' and s.transaction_id <> s.id::text and s.start_key is not null
        """,
    ),
    Invariant(
        "I-11",
        "what could not be read as it stands is in quarantine",
        """
        select format('session %s', s.id) from charging_session s
        where (('malformed' = any (s.flags) and s.start_key is not null)
            or ('incomplete' = any (s.flags) and s.stop_key is not null))
            and not exists (select from quarantine q where q.station_id = s.station_id)
        """,
    ),
    Invariant(
        "I-13",
        "what is only ever added to refuses anything else",
        """
        select name from unnest('{audit,price_step,tariff_version,dispute_entry}'::text[]) name
        where not exists (
            select from pg_trigger
            where tgrelid = name::regclass and tgfoid = 'refuse_change'::regproc
                and tgenabled in ('O', 'A') and tgtype & 24 = 24 -- before update and delete
        )
        """,
    ),
    Invariant(
        "I-15",
        "every moment has a zone",
        """
        select format('%s.%s', table_name, column_name) from information_schema.columns
        where table_schema = 'public' and data_type = 'timestamp without time zone'
        """,
    ),
    Invariant(
        "I-15",
        "what the hours add up to is what the sessions took",
        f"""
        select format('station %s: %s Wh by hours, %s by sessions', station_id, hours, took)
        from (
            select s.station_id, sum(coalesce(live.energy_wh, s.energy_wh, 0)) as took,
                coalesce((
                    select sum(energy_wh) from energy_hourly h where h.station_id = s.station_id
                ), 0) as hours
            from charging_session s
            left join session_live live on live.station_id = s.station_id and live.session_id = s.id
            group by s.station_id having bool_and({_BY_CHARGER})
        ) sums
        where hours <> took
        """,
    ),
]

_ANSWERED = "select body, answer from message where not is_ours and answer is not null"
_SIGNED = f"""
    {_ANSWERED} and (
        position('SignedData'::bytea in body) > 0 or position('signedMeterData'::bytea in body) > 0
    )
"""


async def check_invariants(conn: Conn, journals: Sequence[Path] = ()) -> None:
    """Raises Broken. `journals`: what simulated chargers noted, as `simulators.journal` writes."""
    broken = []
    for invariant in INVARIANTS:
        rows = [str(row[0]) for row in await conn.fetch(invariant.rows)]
        broken += [f"{invariant.id}: {invariant.sentence}: {'; '.join(rows)}"] if rows else []
    broken += await _answers(conn)
    broken += await _signed(conn)
    broken += [line for path in journals for line in await far_end.broken(conn, path)]
    if broken:
        raise Broken("\n" + "\n".join(broken))


async def _answers(conn: Conn) -> list[str]:
    """I-6, as far as the message log shows it."""
    broken = []
    for body, answer in await conn.fetch(_ANSWERED):
        try:
            asked, said = msgspec.json.decode(body), msgspec.json.decode(answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # no frame that could be read, so no id of its own
        if not (isinstance(asked, list) and len(asked) > 3 and len(said) > 2):
            continue
        if said[0] not in (3, 4) or (said[1] != asked[1] and said[1] != "-1"):
            broken.append(f"I-6: an answer has the id of its CALL: {said!r} to {asked!r}")
    return broken


async def _signed(conn: Conn) -> list[str]:
    """I-14: what was answered is stored byte for byte."""
    frames = [frame["body"].decode() for frame in await conn.fetch(_SIGNED)]
    said = {signed for frame in frames for signed in _signed_in(_read(frame))}
    if not said:
        return []
    kept = {
        signed.get("signedMeterData") if isinstance(signed, dict) else str(signed)
        for row in await conn.fetch("select samples from reading")
        for signed in (sample.signed for sample in decode_samples(row["samples"]))
        if signed is not None
    }
    return [f"I-14: a signed value is kept as it came: {lost}" for lost in sorted(said - kept)]


def _read(frame: str) -> object:
    """None for a frame that nobody can read: no value of it was kept."""
    try:
        return msgspec.json.decode(frame)
    except msgspec.DecodeError:
        return None


def _signed_in(said: object) -> list[str]:
    if isinstance(said, list):
        return [signed for part in said for signed in _signed_in(part)]
    if not isinstance(said, dict):
        return []
    found = [signed for part in said.values() for signed in _signed_in(part)]
    for key, value in (("signedMeterData", said), ("value", said)):
        is_signed = key == "signedMeterData" or said.get("format") == "SignedData"
        if is_signed and isinstance(value.get(key), str):
            found.append(value[key])
    return found
