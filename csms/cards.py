"""Ask of an EV card whether it may charge, and write down why."""

from __future__ import annotations

from datetime import datetime

from csms.masking import HIDDEN
from csms.rules import authorization
from csms.rules.authorization import Decision
from db import id_tokens, sessions
from db.model.id_tokens import Behind, IdToken, Purpose
from db.rows import Conn


async def judge(
    conn: Conn,
    *,
    station_id: int,
    uid: str,
    type: str | None,
    purpose: Purpose,
    at: datetime,
    session_id: int | None = None,
    ghost_id: int | None = None,
    master_pass_group: str = "",
) -> tuple[Decision, IdToken | None]:
    """
    The decision and the card's row, if it is registered.

    Every decision is recorded with its reason, and every uid ever presented has a row. `session_id`
    is the session that this is about: it does not count as another one, nor does `ghost_id`, the
    one that it will end. A PIN (KeyCode) is a secret (C04): it is compared, and leaves no trace.
    """
    candidates = await id_tokens.list_by_uid(conn, uid, is_held=purpose == "start")
    token = authorization.choose(candidates, type)
    behind = Behind() if token is None else await id_tokens.behind(conn, token.id)
    kind = type or authorization.infer_type(uid)
    has_other = (
        purpose == "start"
        and token is not None
        and await sessions.has_other_open(conn, token.uid, session_id=session_id, ghost_id=ghost_id)
    )
    decision = authorization.decide(
        token,
        uid=uid,
        type=kind,
        purpose=purpose,
        now=at,
        has_other_session=has_other,
        behind=behind,
        master_pass_group=master_pass_group,
    )
    is_secret = kind.casefold() == "keycode"
    if token is None and uid and not is_secret:
        await id_tokens.record_seen(conn, uid=uid, type=kind)
    await id_tokens.record_decision(
        conn,
        station_id=station_id,
        at=at,
        uid=HIDDEN if is_secret else uid,
        type=kind,
        purpose=purpose,
        status=decision.status,
        reason=decision.reason,
        session_id=session_id,
    )
    return decision, token
