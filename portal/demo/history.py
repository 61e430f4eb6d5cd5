"""What csms would have written of the visits: sessions, readings, the hourly energy, decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from random import Random
from uuid import UUID

from csms.rules import authorization, metering, series
from csms.rules import sessions as rules
from db.demo_network import PastDecision
from db.model.id_tokens import IdToken
from db.model.readings import Moment, Reading, Sample, encode_samples
from db.model.sessions import Session
from portal.demo.visits import SEED, Mark, Visit

_LAG = timedelta(milliseconds=420)  # from a charger's reading to its arrival
_OUTAGE = timedelta(hours=3)
_NO_STOP_FOR = timedelta(minutes=4)
_VOLTS = 230


@dataclass(slots=True)
class History:
    """`energy`: (station_id, time of arrival, Wh), which add up to the energy of all sessions."""

    sessions: list[Session] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    energy: list[tuple[int, datetime, Decimal]] = field(default_factory=list)
    decisions: list[PastDecision] = field(default_factory=list)


def record(
    visits: Sequence[Visit],
    *,
    numbers: Sequence[int],
    station_ids: Mapping[str, int],
    cards: Mapping[str, IdToken],
) -> History:
    """
    Args:
        numbers: of the sessions, one a visit.
        station_ids: by identity.
        cards: by uid.
    """
    rng = Random(SEED)
    history = History()
    for number, visit in zip(numbers, visits, strict=True):
        card, station_id = cards[visit.card.uid], station_ids[visit.charger.identity]
        decision = authorization.decide(
            card, uid=card.uid, type=card.type, purpose="start", now=visit.started_at
        )
        transaction_id = (
            str(number)
            if visit.charger.family == "v16"
            else str(UUID(int=rng.getrandbits(128), version=4))
        )
        session = _opened(visit, station_id, number, transaction_id, card, decision.status)
        marks = visit.marks[1:-1] if visit.charger.family == "v16" else visit.marks
        if visit.odd == "lost_stop":
            marks = marks[:-1]
        measured = [
            _measured(visit, session, mark, moment)
            for mark, moment in zip(marks, _moments(visit, marks), strict=True)
        ]
        session = _ended(session, visit, marks)
        result = metering.total(
            [moment for _, moment in measured],
            started_at=session.started_at,
            ended_at=session.ended_at,
            meter_start_wh=session.meter_start_wh,
            meter_stop_wh=session.meter_stop_wh,
            max_power_w=visit.charger.plugs[visit.evse - 1].max_power_w,
        )
        session = rules.metered(session, result, was_final=False)
        session = replace(session, read_from=measured[0][1].at if measured else None)
        history.sessions.append(session)
        history.readings += [reading for reading, _ in measured]
        history.energy += _energy(session, [reading for reading, _ in measured])
        history.decisions.append(
            PastDecision(
                station_id=station_id,
                at=session.start_received_at,
                uid=card.uid,
                type=card.type,
                purpose="start",
                status=decision.status,
                reason=decision.reason,
                session_id=number,
            )
        )
    return history


def _arrived(visit: Visit, at: datetime) -> datetime:
    """Where the network was lost in the middle, what was said then came when it was back."""
    if visit.odd != "queued":
        return at + _LAG
    lost_at = visit.started_at + (visit.ended_at - visit.started_at) / 2
    return at + _LAG if at < lost_at else visit.ended_at + _OUTAGE


def _opened(
    visit: Visit, station_id: int, number: int, transaction_id: str, card: IdToken, status: str
) -> Session:
    at, received_at = visit.started_at, _arrived(visit, visit.started_at)
    is_16 = visit.charger.family == "v16"
    return Session(
        station_id=station_id,
        id=number,
        family=visit.charger.family,
        transaction_id=transaction_id,
        generation=0,
        start_key=_digest("start", station_id, transaction_id),
        evse=visit.evse,
        connector=1,
        id_token=card.uid,
        stop_id_token=None,
        account_id=card.account_id,
        authorization_status=status,
        started_at=at,
        start_received_at=received_at,
        ended_at=None,
        end_received_at=None,
        meter_start_wh=visit.marks[0].register_wh if is_16 else None,
        meter_stop_wh=None,
        energy_wh=None,
        is_finalized=False,
        is_end_inferred=False,
        is_recompute_due=False,
        stop_reason=None,
        flags=[] if status == "Accepted" else [rules.UNAUTHORIZED],
        updated_at=received_at,
        authorized_at=at,
    )


def _ended(session: Session, visit: Visit, marks: Sequence[Mark]) -> Session:
    if visit.odd == "lost_stop":
        last_at = marks[-1].at if marks else visit.started_at
        now = visit.ended_at + _NO_STOP_FOR
        return rules.end_inferred(session, at=last_at, now=now, flag=rules.IMPLICIT_END)
    return rules.ended(
        session,
        at=visit.ended_at,
        received_at=_arrived(visit, visit.ended_at),
        reason=visit.reason,
        meter_stop_wh=visit.marks[-1].register_wh if session.family == "v16" else None,
        stop_id_token=session.id_token if visit.reason == "Local" else None,
    )


def _moments(visit: Visit, marks: Sequence[Mark]) -> list[Moment]:
    is_dc = visit.charger.plugs[visit.evse - 1].is_dc
    moments = []
    for mark in marks:
        register_wh = mark.register_wh
        if visit.odd == "spike" and mark is marks[len(marks) // 2]:
            register_wh *= 1000  # as if it were kWh
        context = {visit.started_at: "Transaction.Begin", visit.ended_at: "Transaction.End"}.get(
            mark.at, "Sample.Periodic"
        )
        amperes = Decimal(mark.power_w) / (_VOLTS * 3)
        values = [
            ("Energy.Active.Import.Register", Decimal(register_wh), "Wh"),
            ("Power.Active.Import", Decimal(mark.power_w), "W"),
        ]
        if is_dc:
            values.append(("SoC", Decimal(f"{mark.soc_pct:.0f}"), "Percent"))
        else:
            values.append(("Current.Import", round(amperes, 1), "A"))
        moments.append(
            Moment(
                mark.at,
                [
                    Sample(name, value, unit if unit != "Percent" else "%", context=context)
                    for name, value, unit in values
                ],
            )
        )
    return moments


def _measured(visit: Visit, session: Session, mark: Mark, moment: Moment) -> tuple[Reading, Moment]:
    found = series.figures(moment.samples)
    said_at = mark.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reading = Reading(
        station_id=session.station_id,
        at=mark.at,
        fingerprint=_digest(session.station_id, session.transaction_id, said_at),
        received_at=_arrived(visit, mark.at),
        said_at=said_at,
        session_id=session.id,
        evse=session.evse,
        connector=session.connector,
        transaction_id=session.transaction_id,
        context=found.context,
        energy_wh=found.energy_wh,
        power_w=found.power_w,
        soc_pct=found.soc_pct,
        samples=encode_samples(moment.samples),
        flags="",
    )
    return reading, moment


def _energy(session: Session, readings: Sequence[Reading]) -> list[tuple[int, datetime, Decimal]]:
    """What each arrival added; the end sets right what is still missing or too much."""
    grown: list[tuple[int, datetime, Decimal]] = []
    known = session.meter_start_wh
    total_wh = session.energy_wh or 0
    for reading in readings:
        assert reading.energy_wh is not None
        rise = reading.energy_wh - known if known is not None else 0
        if 0 <= rise <= total_wh:  # neither a spike nor a reset
            grown.append((session.station_id, reading.received_at, Decimal(rise)))
        if rise <= total_wh:
            known = reading.energy_wh
    assert session.end_received_at is not None
    rest = total_wh - sum(energy_wh for _, _, energy_wh in grown)
    return [*grown, (session.station_id, session.end_received_at, Decimal(rest))]


def _digest(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=16).digest()
