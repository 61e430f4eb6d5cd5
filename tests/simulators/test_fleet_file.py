from itertools import islice
from pathlib import Path

import pytest

from simulators.fleet.cast import FleetError, Plug, Role, numbered
from simulators.fleet.file import parse, read
from simulators.fleet.visits import Visit, remote_visits, visits

WHOLE = """
url = "ws://127.0.0.1:9000/ocpp"
seed = 7
speed = 2

[[station]]
identity = "DEMO-01"
version = "2.0.1"
password = "secret"
vendor = "Alfen"
model = "Eve Single"
firmware = "6.6.0"
connectors = [{ type = "CCS", max_power_w = 150000 }, {}]
cards = ["A", "B", "C"]
life = "quiet"
arrive_on_remote_start = false

[[station]]
identity = "DEMO-02"
version = "1.6"
"""
STATION = '[[station]]\nidentity = "A"\nversion = "1.6"\n'
BUSY = Role("A", "1.6", cards=("one", "two"))


def test_a_file_says_all_there_is_and_the_rest_has_defaults() -> None:
    cast = parse(WHOLE)

    assert (cast.url, cast.seed, cast.speed) == ("ws://127.0.0.1:9000/ocpp", 7, 2.0)
    assert cast.stations == (
        Role(
            identity="DEMO-01",
            version="2.0.1",
            password="secret",
            vendor="Alfen",
            model="Eve Single",
            firmware="6.6.0",
            connectors=(Plug("CCS", 150_000), Plug("Type 2", 11_000)),
            cards=("A", "B", "C"),
            life="quiet",
            arrive_on_remote_start=False,
        ),
        Role(identity="DEMO-02", version="1.6"),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file has no [[station]]"),
        ("station = 5", "the file: station must be a list of tables"),
        ("[[station", "this is not TOML: "),
        ('[[station]]\nversion = "1.6"', "the file, station 1: identity is missing"),
        ('[[station]]\nidentity = "A"', "station A: version is missing"),
        (STATION + "life = 'lazy'", 'station A: life "lazy" is not one of busy, quiet, idle, '),
        (STATION.replace("1.6", "1.5"), 'station A: version "1.5" is not one of 1.6, 2.0.1, 2.1'),
        (STATION + "colour = 'red'", 'station A: there is no key "colour"'),
        (STATION + "password = 5", "station A: password must be a text"),
        (STATION + "cards = ['A', 5]", "station A: cards must be a list of texts"),
        (STATION + f"cards = ['{'x' * 21}']", f'station A: card "{"x" * 21}" has not 1 to 20'),
        (STATION + "connectors = [5]", "station A: connectors must be a list of tables"),
        (
            STATION + "connectors = [{ max_power_w = 0 }]",
            "station A, connectors 1: max_power_w must be above zero",
        ),
        (STATION + "arrive_on_remote_start = 1", "must be true or false"),
        (STATION + STATION, "there are two stations A"),
        ("seed = true\n" + STATION, "the file: seed must be a whole number"),
        ("url = 'http://x'\n" + STATION, 'url "http://x" is not a ws:// or wss:// address'),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(FleetError) as error:
        parse(text)

    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_the_sentence_names_the_file(tmp_path: Path) -> None:
    broken = tmp_path / "fleet.toml"
    broken.write_text("seed = 7")

    with pytest.raises(FleetError, match=r"fleet\.toml: the file has no \[\[station\]\]"):
        read(broken)
    with pytest.raises(FleetError, match=r"cannot read .*nowhere"):
        read(tmp_path / "nowhere")


def test_numbered_stations_are_mixed_the_same_way_by_the_same_seed() -> None:
    def fleet(seed: int) -> list[tuple[str, str, str]]:
        cast = numbered(
            40, prefix="S-", version="mixed", life="mixed", password=None, cards=(),
            power_w=11_000, seed=seed,
        )  # fmt: skip
        return [(role.identity, role.version, role.life) for role in cast.stations]

    assert fleet(1) == fleet(1) != fleet(2)
    assert fleet(1)[0][0] == "S-0001"
    assert {version for _, version, _ in fleet(1)} == {"1.6", "2.0.1", "2.1"}
    assert {life for _, _, life in fleet(1)} >= {"busy", "quiet"}


def first(role: Role, count: int, *, evse: int = 1, seed: int = 1, speed: float = 1) -> list[Visit]:
    return list(islice(visits(role, evse, seed=seed, speed=speed), count))


def test_the_same_seed_brings_the_same_vehicles_cards_and_energies() -> None:
    assert first(BUSY, 50) == first(BUSY, 50)
    assert first(BUSY, 50) != first(BUSY, 50, seed=2)


def test_speed_shortens_the_waits_and_the_wishes_but_not_the_power() -> None:
    slow, fast = first(BUSY, 20), first(BUSY, 20, speed=10)

    for one, ten in zip(slow, fast, strict=True):
        assert ten.pause_s == pytest.approx(one.pause_s / 10)
        assert ten.stays_s == pytest.approx(one.stays_s / 10)
        assert ten.energy_wh == pytest.approx(one.energy_wh / 10, abs=1)
        assert ten.vehicle.max_power_w == one.vehicle.max_power_w


def test_a_vehicle_has_room_for_what_it_wants() -> None:
    rapid = Role("A", "2.1", connectors=(Plug("CCS", 150_000),), cards=("one",))

    for visit in first(rapid, 200):
        assert visit.vehicle.room_wh == pytest.approx(visit.energy_wh)
        assert visit.vehicle.soc_pct >= 4


def test_no_card_is_at_two_connectors() -> None:
    double = Role("A", "2.1", connectors=(Plug(), Plug()), cards=("one", "two", "three"))

    cards = [{visit.card for visit in first(double, 50, evse=evse)} for evse in (1, 2)]

    assert cards == [{"one", "three"}, {"two"}]


@pytest.mark.parametrize("life", ["idle", "faulted", "offline"])
def test_nobody_comes_by_himself_to_a_station_that_does_not_invite(life: str) -> None:
    role = Role("A", "1.6", cards=("one",), life=life)  # type: ignore[arg-type]

    assert first(role, 5) == []
    assert next(remote_visits(role, 1, seed=1, speed=1)).card is None
