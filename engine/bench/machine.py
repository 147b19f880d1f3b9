"""What else the machine had to do: on a virtual one, how much of its time went to others."""

from pathlib import Path

_STAT = Path("/proc/stat")
_STEAL = 7


class Stolen:
    """Measures from when it was made how much of the processors' time the host gave to others (Linux: `steal`)."""

    def __init__(self) -> None:
        self._began = _ticks()

    def percent(self) -> int | None:
        """Return it in per cent, or None where the system does not tell."""
        spent = [now - then for now, then in zip(_ticks(), self._began, strict=True)]
        return round(100 * spent[_STEAL] / max(1, sum(spent))) if spent else None


def _ticks() -> list[int]:
    try:
        return [int(ticks) for ticks in _STAT.read_text().splitlines()[0].split()[1:]]
    except OSError:
        return []
