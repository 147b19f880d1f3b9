"""Checks that the rows and the books say the same: balances against commissions and payouts, heads against rows.

Everything is read from the tables, nothing from the code that wrote them. Call it with one state of the database in
view (`Database.reading`).
"""

from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, case, func, literal, or_, select, union_all

from engine.kernel.database import UnitOfWork
from engine.ledger.journal import ACCOUNT, ENTRY, stream
from engine.ledger.rules import BRAND_KINDS
from engine.ledger.tables import AccountKind
from engine.ledger.verify import MOST, Violation
