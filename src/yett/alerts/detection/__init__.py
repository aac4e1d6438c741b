"""What is unusual? Learns what is usual for each caller, and says with numbers what is not."""

from yett.alerts.detection.watch import Watch

__all__ = ["Watch"]
