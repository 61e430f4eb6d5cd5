"""Bugs between the charger's word and the row, each with the test that has to notice it."""

from __future__ import annotations

from tests.planted.plant import Plant

_TALK = "tests/ocpp/test_conversations.py::test_a_conversation_goes_as_written"
_WHOLE = "tests/whole/test_late_news.py"

WIRE_PLANTS = [
    Plant(
        "a reading is answered before it is committed",
        "tests/ocpp/test_database_away.py::"
        "test_away_for_too_long_the_socket_is_closed_and_the_charger_keeps_its_message",
        "csms/ocpp/dispatch.py",
        """
        self._ingest.put(item, committed, self._give_up_at(call))
""",
        """
        self._ingest.put(item, lambda _: None, self._give_up_at(call))
        committed(None)
""",
    ),
    Plant(
        "a message id that was heard before gets the answer of then",
        f"{_WHOLE}::test_message_ids_that_begin_again_are_of_other_messages",
        "csms/ocpp/dispatch.py",
        """
        reply(frame)
""",
        """
        answers = self.__dict__.setdefault("answers", {})
        frame = answers.setdefault((link.station.id, call.message_id), frame)
        reply(frame)
""",
    ),
    Plant(
        "a socket that closes unregisters whoever has its place by then",
        "tests/ocpp/test_takeover.py::"
        "test_the_late_close_of_the_old_socket_leaves_the_new_one_registered",
        "db/links.py",
        "delete from link where station_id = $1 and epoch = $2",
        "delete from link where station_id = $1 and $2::bigint is not null",
    ),
    Plant(
        "a socket without the right key takes the charger's place",
        "tests/ocpp/test_takeover.py::test_who_is_refused_takes_nothing_over",
        "csms/ocpp/admission.py",
        """
        handshake.check_credential(is_user=is_user, is_key=is_key)
""",
        "\n",
    ),
    Plant(
        "who does not read is waited for, for ever",
        "tests/ocpp/test_silent_clients.py::test_who_never_reads_is_let_go_and_costs_little_memory",
        "csms/ocpp/socket.py",
        "        self._stuck = self.loop.call_later(self.close_timeout or 0, self._abort)\n",
        "",
    ),
    Plant(
        "energy is a float",
        "tests/rules/test_samples.py",
        "csms/rules/samples.py",
        "number: Decimal | None = Decimal(text)",
        "number: Decimal | None = Decimal(float(text))",
    ),
    Plant(
        "a time is taken without its zone",
        "tests/rules/test_clocks.py",
        "csms/rules/clocks.py",
        "naive.replace(tzinfo=_zone(zone))",
        "naive.replace(tzinfo=UTC)",
    ),
    Plant(
        "a stop ends whichever charger's session has its number",
        f"{_WHOLE}::test_a_number_of_another_station_is_nobody_s_here",
        "db/sessions.py",
        """
        where station_id = $1 and family = $2 and transaction_id = $3
        order by generation desc limit 1
""",
        """
        where $1::bigint is not null and family = $2 and transaction_id = $3
        order by generation desc limit 1
""",
    ),
    Plant(
        "a transaction message that breaks the schema gets a CALLERROR",
        f"{_TALK}[a_broken_start_1_6]",
        "csms/ocpp/dispatch.py",
        "is_kept = action in TRANSACTION_ACTIONS and not link.station.strict",
        "is_kept = False",
    ),
    Plant(
        "a start that is said again opens a second session",
        f"{_TALK}[a_lost_answer_1_6]",
        "csms/ocpp/v16/transactions.py",
        "if found is not None and rules.is_repeat(found, is_clock_unset=is_clock_unset):",
        "if found is not None and rules.is_repeat(found, is_clock_unset=True):",
    ),
    Plant(
        "a reading that is said again counts twice",
        "tests/whole/test_charging.py::test_a_charger_that_says_everything_twice_changes_nothing",
        "csms/ocpp/measured.py",
        'f"{where}{said_at} ".encode()',
        'f"{where}{said_at} {received_at}".encode()',
    ),
    Plant(
        "a late stop changes nothing",
        f"{_TALK}[a_lost_stop_1_6]",
        "csms/rules/sessions.py",
        """
    if is_ended_by_charger(session):
        known = session.meter_stop_wh
""",
        """
    if session.is_finalized:
        known = session.meter_stop_wh
""",
    ),
    Plant(
        "a session gets the first readings of the one that follows it",
        f"{_WHOLE}::test_a_reading_before_its_start_is_not_the_session_s_before_it",
        "db/readings.py",
        "and (r.session_id is null or (r.at >= $6 and s.started_at < $6))",
        "and r.session_id is null and $6::timestamptz is not null",
    ),
    Plant(
        "what could not be read is answered, and thrown away",
        "tests/ocpp/test_quarantine.py::"
        "test_a_character_that_the_database_refuses_does_not_cost_the_charger_its_answer",
        "csms/ocpp/dispatch.py",
        """
            if call.problem is not None:
                await _quarantine(conn, call, call.problem)
            return payload
""",
        """
            return payload
""",
    ),
    Plant(
        "a meter that starts again at 0 took nothing",
        "tests/rules/test_golden_sessions.py",
        "csms/rules/registers.py",
        "    if rolled is not None:\n        return rolled,",
        "    if rolled is not None and rolled < 0:\n        return rolled,",
    ),
    Plant(
        "a NUL goes to the database as it came",
        "tests/ocpp/test_quarantine.py::"
        "test_a_character_that_the_database_refuses_does_not_cost_the_charger_its_answer",
        "csms/ocpp/dispatch.py",
        r'return text[:limit].replace("\x00", "\ufffd")',
        "return text[:limit]",
    ),
    Plant(
        "a card that is charging elsewhere is told nothing",
        f"{_TALK}[one_card_in_two_places_1_6]",
        "csms/cards.py",
        "        has_other_session=has_other,\n",
        "",
    ),
    Plant(
        "a session of a card that was refused is billed",
        "tests/portal/test_prices.py::test_what_nobody_let_charge_is_kept_and_not_billed",
        "portal/price_making.py",
        "return _REFUSED if is_refused and facts.account_id is not None else None",
        "return None",
    ),
    Plant(
        "what a charger said is markup on a page",
        "tests/portal/test_overview.py::test_a_kept_message_is_read_and_put_away",
        "portal/pages.py",
        "autoescape=True",
        "autoescape=False",
    ),
    Plant(
        "a credit is more than the price",
        "tests/portal/test_disputes.py::test_a_credit_is_at_most_what_is_left_of_the_price",
        "portal/views/admin/dispute_steps.py",
        "not 0 < amount <= left",
        "not 0 < amount",
    ),
    Plant(
        "a statement has an adjustment in the price and beside it",
        "tests/portal/test_statement.py::test_what_late_readings_add_is_billed_once",
        "db/statements.py",
        "case when late.steps > 0 then told.amount else price.total end as amount",
        "price.total as amount",
    ),
]
