import pytest

from yett.core.address import Address, parse_counters, parse_storage


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("postgresql://gate@db.example.com/yett", Address("db.example.com", 5432, "gate", "yett", tls=True)),
        ("postgres://db.example.com:5433/yett?sslmode=verify-full", Address("db.example.com", 5433, "yett", "yett", tls=True)),
        ("postgresql://a%40b@127.0.0.1/yett", Address("127.0.0.1", 5432, "a@b", "yett", tls=False)),
        ("postgresql://[::1]/yett?sslmode=verify-full", Address("::1", 5432, "yett", "yett", tls=True)),
    ],
)  # fmt: skip
def test_where_a_database_is(text: str, address: Address) -> None:
    assert parse_storage(text) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("valkeys://c.example.com", Address("c.example.com", 6379, "", "0", tls=True)),
        ("rediss://gate@c.example.com:7000/3", Address("c.example.com", 7000, "gate", "3", tls=True)),
        ("redis://127.0.0.1", Address("127.0.0.1", 6379, "", "0", tls=False)),
        ("valkey://localhost/0", Address("localhost", 6379, "", "0", tls=False)),
    ],
)  # fmt: skip
def test_where_counters_are(text: str, address: Address) -> None:
    assert parse_counters(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("postgresql://gate:hunter2@db.example.com/yett", "password"),
        ("postgresql://db.example.com/yett?sslmode=require", "verify-full"),
        ("postgresql://db.example.com/yett?sslmode=disable", "verify-full"),
        ("postgresql://db.example.com/", "a host and a database"),
        ("postgresql:///yett", "a host and a database"),
        ("mysql://db.example.com/yett", "PostgreSQL"),
        ("postgresql://db.example.com/ye tt", "percent-encoded"),
        ("postgresql://db.example.com:x/yett", "cannot be read"),
        ("postgresql://db.example.com/yett#x", "#"),
    ],
)
def test_what_is_no_address_of_a_database_is_refused_without_repeating_it(
    text: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse_storage(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("redis://:hunter2@c.example.com", "password"),
        ("redis://c.example.com", "plain beyond this machine"),
        ("valkeys://c.example.com/yett", "number"),
        ("valkeys://c.example.com/70000", "number"),
        ("valkeys://c.example.com?db=1", "host alone"),
        ("https://c.example.com", "Valkey or Redis"),
        ("valkeys://", "host alone"),
    ],
)
def test_what_is_no_address_of_counters_is_refused_without_repeating_it(
    text: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse_counters(text)
    assert "hunter2" not in str(caught.value)
