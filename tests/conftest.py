"""What holds for all tests. A property has no deadline: the machine may be busy, and measuring coverage
slows everything down. How fast the gate is says `bench/`."""

from hypothesis import settings

settings.register_profile("yett", deadline=None)
settings.load_profile("yett")
