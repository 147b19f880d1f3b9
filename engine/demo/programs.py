"""The demo's three programs, as their terms say them."""

from typing import Any, Final

from engine.programs.schemas import GroupDraft, ProgramDraft, TermsDocument

ZONE: Final = "America/New_York"
_DISCOUNT: Final = {"customer_discount": {"percent_bps": 1_000}}

PROGRAMS: Final = (
    ProgramDraft(slug="friends", name="Friends", currency="USD", time_zone=ZONE, priority=1),
    ProgramDraft(slug="circle", name="Circle", currency="USD", time_zone=ZONE, priority=2),
    ProgramDraft(slug="welcome", name="Welcome", currency="USD", time_zone=ZONE, priority=3),
)
GOLD: Final = GroupDraft(key="gold", name="Gold")
"""A group of Friends that earns more."""


def _friends(gold_bps: int) -> dict[str, Any]:
    return _DISCOUNT | {
        "hold_days": 30,
        "rewards": [{"key": "commission", "type": "percentage"}],
        "rates": [
            {"reward": "commission", "rate_bps": 1_000},
            {"reward": "commission", "group": "gold", "rate_bps": gold_bps},
        ],
    }


TERMS: Final = {
    "friends": TermsDocument.model_validate(_friends(1_200)),
    "circle": TermsDocument.model_validate(
        {
            "hold_days": 30,
            "rewards": [
                {
                    "key": "volume",
                    "type": "volume_tiers",
                    "params": {
                        "mode": "marginal",
                        "tiers": {
                            "USD": [
                                {"from_minor": 0, "rate_bps": 600},
                                {"from_minor": 25_000, "rate_bps": 800},
                                {"from_minor": 100_000, "rate_bps": 1_000},
                            ]
                        },
                    },
                }
            ],
        }
    ),
    "welcome": TermsDocument.model_validate(
        _DISCOUNT
        | {
            "hold_days": 14,
            "rewards": [
                {"key": "bonus", "type": "first_order_bonus", "params": {"amount_minor": {"USD": 500}}},
                {"key": "commission", "type": "percentage", "params": {"cap_minor": {"USD": 1_000}}},
            ],
            "rates": [{"reward": "commission", "rate_bps": 300}],
        }
    ),
}
"""What each program publishes before the log begins."""

FRIENDS_LATER: Final = TermsDocument.model_validate(_friends(1_300))
"""The second version of Friends: gold earns a little more."""
