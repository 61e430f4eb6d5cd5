"""Settings: read once, refused in words."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from db import settings
from db.config import SETTINGS, ConfigError, DatabaseConfig, own_directory, secret_key
from db.errors import NotFound, StoreAway, is_away

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_each_setting() -> None:
    readme = README.read_text()

    assert [setting.name for setting in SETTINGS if f"`{setting.name}`" not in readme] == []


def test_the_defaults_need_no_variable() -> None:
    config = DatabaseConfig.from_env({})

    assert config == DatabaseConfig(data_dir=Path.cwd() / ".data")


def test_an_empty_variable_is_its_default() -> None:
    assert DatabaseConfig.from_env({"DATABASE_URL": "", "DATA_DIR": " "}).database_url is None


def test_a_password_in_the_address_is_not_shown() -> None:
    config = DatabaseConfig.from_env({"DATABASE_URL": "postgresql://u:secret@host/x"})

    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("CSMS_PROT", "CSMS_PORT"),
        ("PORTAL_HOTS", "PORTAL_HOST"),
        ("OPERATOR_TIMEZONE", "OPERATOR_ZONE"),
        ("READINGS_DAY", "READINGS_DAYS"),
        ("UNKNOWN_STATION", "UNKNOWN_STATIONS"),
    ],
)
def test_an_unknown_variable_with_our_prefix_is_refused(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"no setting {name}: did you mean {near}"):
        DatabaseConfig.from_env({name: "1"})


def test_variables_of_other_programs_are_let_be() -> None:
    DatabaseConfig.from_env({"LOG_DIR": "x", "DATA_HOME": "x", "PUBLIC_IP": "x", "HOME": "x"})


def test_another_carrier_of_changes_is_refused() -> None:
    with pytest.raises(ConfigError, match="CHANGES_URL must begin with postgresql://"):
        DatabaseConfig.from_env({"CHANGES_URL": "nats://x"})


@pytest.mark.parametrize("value", ["", "0", "65536", "-1", "9_000", "٣", "9000.0", "x"])
def test_a_port_is_a_port(value: str) -> None:
    if value:
        with pytest.raises(ConfigError, match="CSMS_PORT must be a whole number from 1 to 65535"):
            settings.port({"CSMS_PORT": value}, "CSMS_PORT")
    else:
        assert settings.port({"CSMS_PORT": value}, "CSMS_PORT") == 9000


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "x"])
def test_a_number_is_a_finite_number(value: str) -> None:
    assert settings.number({"MESSAGE_LOG_GB": "0.5"}, "MESSAGE_LOG_GB") == 0.5
    with pytest.raises(ConfigError, match="MESSAGE_LOG_GB must be a number of at least 0"):
        settings.number({"MESSAGE_LOG_GB": value}, "MESSAGE_LOG_GB")


def test_a_flag_and_a_choice_say_what_they_take() -> None:
    assert settings.flag({"DEMO": "yes"}, "DEMO")
    assert settings.flag({}, "DEMO")
    assert not settings.flag({"DEMO": "0"}, "DEMO")
    assert settings.choice({}, "LOG_LEVEL", ("debug", "info")) == "info"
    with pytest.raises(ConfigError, match="DEMO must be 1 or 0, not 'perhaps'"):
        settings.flag({"DEMO": "perhaps"}, "DEMO")
    with pytest.raises(ConfigError, match="LOG_LEVEL must be one of debug, info, not 'loud'"):
        settings.choice({"LOG_LEVEL": "loud"}, "LOG_LEVEL", ("debug", "info"))


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    config = DatabaseConfig(data_dir=tmp_path / "data")

    with ThreadPoolExecutor(8) as threads:
        keys = {thread.result() for thread in [threads.submit(secret_key, config, {})] * 8}

    assert keys == {secret_key(config, {})}
    assert len(keys.pop()) == 64
    assert [path.name for path in config.data_dir.iterdir()] == ["secret_key"]
    assert stat.S_IMODE((config.data_dir / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(config.data_dir.stat().st_mode) == 0o700


def test_a_given_secret_key_is_taken_and_a_short_one_refused(tmp_path: Path) -> None:
    config = DatabaseConfig(data_dir=tmp_path / "data")

    assert secret_key(config, {"SECRET_KEY": "x" * 16}) == b"x" * 16
    with pytest.raises(ConfigError, match="at least 16 characters"):
        secret_key(config, {"SECRET_KEY": "x" * 15})
    assert not config.data_dir.exists()


def test_a_folder_that_others_use_is_never_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "holiday.jpg").touch()

    with pytest.raises(ConfigError, match="holds other files: name a folder of its own"):
        own_directory(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_data_dir_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"DATA_DIR .* cannot be used: Not a directory"):
        own_directory(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "error",
    [
        StoreAway(),
        ConnectionRefusedError(),
        ConnectionResetError(),
        FileNotFoundError(),
        TimeoutError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.AdminShutdownError(),
        asyncpg.CrashShutdownError(),
        asyncpg.DiskFullError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.ReadOnlySQLTransactionError(),
        asyncpg.InternalClientError("cannot switch to state 12"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("pool is closing"),
    ],
    ids=repr,
)
def test_a_database_that_is_away_is_asked_again(error: Exception) -> None:
    assert is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        NotFound(),
        ValueError(),
        PermissionError(),
        asyncpg.QueryCanceledError(),
        asyncpg.LockNotAvailableError(),
        asyncpg.DeadlockDetectedError(),
        asyncpg.UniqueViolationError(),
        asyncpg.InterfaceError("another operation is in progress"),
    ],
    ids=repr,
)
def test_what_asking_again_would_not_help_is_not_away(error: Exception) -> None:
    assert not is_away(error)
