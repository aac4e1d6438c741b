"""The library is loaded without its typed tree, and with it for whoever wants that."""

import subprocess
import sys

_PROGRAM = """
import sys
from yett.authorization.backends.lean_cedarpy import cedarpy

assert "Slot" not in vars(sys.modules["cedarpy.pst"])
policies = cedarpy.policies_to_pst("permit (principal, action, resource);")
from cedarpy.pst import PolicySet, Slot
assert isinstance(policies, PolicySet)
assert cedarpy.pst.Slot is Slot is sys.modules["cedarpy.pst"].Slot
"""


def test_the_tree_comes_when_it_is_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], check=False, capture_output=True, text=True
    )

    assert done.stderr == ""
