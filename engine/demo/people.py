"""Who is in the demo: forty ambassadors and a few who would like to be one."""

import unicodedata
from dataclasses import dataclass
from typing import Final

OWNER: Final = ("Renée Halloran", "owner@halfmoon.example")
"""The brand's owner, by name and address."""


@dataclass(frozen=True, slots=True)
class Person:
    """An ambassador of the demo, in one program.

    `weight` is how many customers they bring, beside the others'; `vanity` the code they asked for, else one is drawn
    after their first name; `joins` the month of the log in which they are let in, 0 for the beginning.
    """

    name: str
    email: str
    program: str
    weight: int
    vanity: str | None = None
    group: str | None = None
    rate_bps: int | None = None
    joins: int = 0

    @property
    def stem(self) -> str:
        """What a drawn code begins with."""
        return self.name.split()[0]


def _of(program: str, *rows: tuple[str, int, dict[str, object]]) -> tuple[Person, ...]:
    return tuple(
        Person(name, _address(name), program, weight, **more)  # type: ignore[arg-type]  # literals of this file
        for name, weight, more in rows
    )


def _address(name: str) -> str:
    spelled = unicodedata.normalize("NFKD", name.lower().translate(_SPELLED))
    plain = "".join(letter for letter in spelled if letter.isascii() and (letter.isalpha() or letter in " -"))
    return f"{'.'.join(plain.split())}@mail.example"


_SPELLED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ł": "l"})

PEOPLE: Final[tuple[Person, ...]] = (
    *_of(
        "friends",
        ("Maya Okonkwo", 90, {"vanity": "MAYA10", "group": "gold", "rate_bps": 1_500}),
        ("Jürgen Müller-Lüdenscheidt", 60, {"vanity": "JUERGEN"}),
        ("Sofia Castellanos", 55, {"group": "gold"}),
        ("Aiko Tanaka", 50, {"vanity": "AIKO"}),
        ("Liam O’Sullivan", 40, {"group": "gold"}),
        ("Priya Raghunathan", 36, {}),
        ("Maximiliana Alexandra von Hohenstein-Wittgensberg", 30, {"vanity": "MAXI"}),
        ("Noah Lindqvist", 26, {}),
        ("Chiara Benedetti", 24, {"vanity": "CHIARA-CD"}),
        ("Tomasz Kowalczyk", 20, {}),
        ("Fatima Zahra El Amrani", 18, {"rate_bps": 1_250}),
        ("Émile Beauchamp", 16, {}),
        ("Grace Mbatha", 14, {}),
        ("Lucía Fernández de Córdoba y Álvarez", 12, {"vanity": "LUCIA"}),
        ("Oskar Sjöberg", 11, {}),
        ("Hana Nováková", 10, {}),
        ("Diego Ramírez", 9, {}),
        ("Ingrid Solheim", 8, {"joins": 2}),
        ("Kwame Asante", 7, {"joins": 2}),
        ("Yuki Mori", 6, {"joins": 5}),
        ("Beatriz Carvalho", 5, {}),
        ("Arjun Mehta", 4, {"joins": 5}),
        ("Elin Bergström", 3, {}),
        ("Sam Whitfield", 2, {}),
    ),
    *_of(
        "circle",
        ("Nadia Petrova", 70, {"vanity": "NADIA"}),
        ("Marcus Delacroix", 48, {"vanity": "DELACROIX"}),
        ("Zoë van der Meer", 34, {}),
        ("Rafael Monteiro", 25, {}),
        ("Chidinma Eze", 19, {"joins": 1}),
        ("Wei Ling Tan", 13, {}),
        ("Katarzyna Dąbrowska", 9, {}),
        ("Jonas Hartmann", 5, {"joins": 8}),
    ),
    *_of(
        "welcome",
        ("Amélie Rousseau", 44, {"vanity": "AMELIE"}),
        ("Tariq Al-Rashid", 32, {}),
        ("Hannah Goldberg", 24, {"vanity": "HANNAH"}),
        ("Mateus Oliveira", 17, {}),
        ("Siobhán Ní Dhomhnaill", 12, {"vanity": "SIOBHAN"}),
        ("Anh Nguyễn Thị Minh", 8, {}),
        ("Petra Szabó", 6, {"joins": 3}),
        ("Olu Adeyemi", 4, {"joins": 8}),
    ),
)

WAITING: Final = (
    ("Clara Weiß", "clara.weiss@mail.example", "friends", "I run a listening club in Leipzig, 40 people a month."),
    ("Devon Clarke", "devon.clarke@mail.example", "circle", "Weekly vinyl and CD reviews, 8,000 subscribers."),
    ("Mira Joshi", "mira.joshi@mail.example", "friends", "College radio, Thursday nights. I bring your CDs anyway."),
    ("Pascal Nkemelu", "pascal.nkemelu@mail.example", "welcome", "I teach piano and everybody asks me what to buy."),
)
"""Who applied and waits for an answer: name, address, program, what they wrote."""

REJECTED: Final = ("Deal Hunter", "deals@coupons.example", "friends", "I post codes on forty coupon sites.")
"""Who was turned down."""

GUIDE: Final = "Maya Okonkwo"
"""The ambassador whose sign-in link is printed."""


def person(name: str) -> Person:
    """Return one of the forty by name."""
    return next(one for one in PEOPLE if one.name == name)
