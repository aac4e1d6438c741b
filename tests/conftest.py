"""What holds for all tests. A property has no deadline: the machine may be busy, and measuring coverage
slows everything down. How fast the gate is says `bench/`.

`make test` draws the same examples each time, so that what fails there fails again. Who runs pytest by hand
draws new ones."""

from hypothesis import settings

from tests.needs import IS_SET_UP

settings.register_profile("yett", deadline=None)
settings.register_profile("yett-same-examples", deadline=None, derandomize=True)
settings.load_profile("yett-same-examples" if IS_SET_UP else "yett")
