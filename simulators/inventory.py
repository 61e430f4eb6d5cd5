"""The report of a 2.x box: every variable that it has, in parts."""

from collections.abc import Iterator
from typing import Any

from simulators.box import Box
from simulators.clock import text_of

PART = 8


def report(box: Box, *, writable_only: bool) -> list[dict[str, Any]]:
    """The parts of a report, each ready for a NotifyReport."""
    rows = [row for row in _rows(box) if not writable_only or _is_writable(row)]
    parts = [rows[first : first + PART] for first in range(0, len(rows), PART)]
    return [
        {
            "generated_at": text_of(box.clock.now()),
            "seq_no": number,
            "tbc": number < len(parts) - 1,
            "report_data": part,
        }
        for number, part in enumerate(parts)
    ]


def _rows(box: Box) -> Iterator[dict[str, Any]]:
    for setting in box.settings.of_2():
        attribute: dict[str, Any] = {"mutability": setting.access}
        if setting.access != "WriteOnly":
            attribute["value"] = box.settings.text(setting.name)
        yield {
            "component": {"name": setting.component},
            "variable": {"name": setting.variable, "instance": setting.instance},
            "variable_attribute": [attribute],
            "variable_characteristics": {
                "data_type": setting.kind,
                "supports_monitoring": False,
            },
        }
    for evse in box.evses:
        for variable, value, kind, unit in (
            ("AvailabilityState", box.dialect.status_word(evse), "OptionList", None),
            ("Power", str(round(evse.power_w)), "decimal", "W"),
        ):
            yield {
                "component": {"name": "EVSE", "evse": {"id": evse.id}},
                "variable": {"name": variable},
                "variable_attribute": [{"mutability": "ReadOnly", "value": value}],
                "variable_characteristics": {
                    "data_type": kind,
                    "unit": unit,
                    "supports_monitoring": False,
                },
            }


def _is_writable(row: dict[str, Any]) -> bool:
    return bool(row["variable_attribute"][0]["mutability"] != "ReadOnly")
