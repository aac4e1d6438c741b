"""What is loaded only when somebody asks for it."""

import subprocess
import sys

import pytest

import yett.limits
from yett.limits.stage import Limiter

_STAGES = "\n".join(
    f"assert 'yett.{domain}.stage' not in sys.modules, '{domain}'"
    for domain in ("audit", "authorization", "catalogue", "limits", "sanitising", "validation")
)


def test_the_settings_of_a_domain_come_without_the_domain() -> None:
    program = f"import sys\nimport yett.configuration.load\n{_STAGES}\nassert 'cedarpy' not in sys.modules"

    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )

    assert done.stderr == ""


def test_a_name_is_there_once_somebody_asks_for_it() -> None:
    assert yett.limits.Limiter is Limiter


def test_a_name_that_a_package_does_not_have_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Unlimited'"):
        _ = yett.limits.Unlimited  # type: ignore[attr-defined]  # that is the point


def test_a_gate_does_not_load_what_only_some_gates_need() -> None:
    """What is loaded is most of a start. Each of these belongs to one destination, zone, answer or command."""
    program = "import sys, yett.app.gateway; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()

    assert "yett.pipeline" in loaded
    for name in (
        "email.message", "smtplib", "http.client", "html.entities", "zipfile", "zoneinfo",
        "prometheus_client", "starlette", "uvicorn", "yett.admin", "yett.upstreams.backends.sql",
    ):  # fmt: skip
        assert name not in loaded
