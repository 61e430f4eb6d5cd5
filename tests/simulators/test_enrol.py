"""What the simulators ask of the API, against the portal itself."""

import pytest

from simulators.enrol import PASSWORD, EnrolError, enrol, own_card
from tests.portal.conftest import Api
from tests.portal.conftest import api as api  # a fixture


async def test_stations_and_cards_become_known_once(api: Api) -> None:
    for _ in range(2):
        await enrol(
            f"http://127.0.0.1:{api.port}/api/v1",
            api.token,
            stations=[("SIM-0001", [11_000]), ("SIM-0002", [22_000, 150_000])],
            password=PASSWORD,
            cards=[own_card(0), own_card(1)],
        )

    stations = (await api.get("/api/v1/stations")).body["items"]
    assert [station["identity"] for station in stations] == ["SIM-0001", "SIM-0002"]
    assert [plug["max_power_w"] for plug in stations[1]["connectors"]] == [22_000, 150_000]
    cards = (await api.get("/api/v1/id-tokens")).body["items"]
    assert {card["uid"] for card in cards} == {"04F1EE70000001", "04F1EE70000002"}


async def test_what_the_api_does_not_accept_is_a_sentence(api: Api) -> None:
    address = f"http://127.0.0.1:{api.port}/api/v1"

    async def of(address: str, token: str | None, password: str = PASSWORD) -> str:
        with pytest.raises(EnrolError) as error:
            await enrol(address, token, stations=[("A", [11_000])], password=password, cards=[])
        return str(error.value)

    assert await of(address, None) == f"{address}/stations does not accept this --token"
    assert "HTTP 422" in await of(address, api.token, "short")
    assert "cannot be reached: " in await of("http://127.0.0.1:1/api/v1", api.token)
