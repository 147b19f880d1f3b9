"""What the Admin API is asked about orders, in GraphQL (version 2026-07; the tests hold it to Shopify's own schema)."""

from typing import Final

LISTED: Final = 20
"""How many payments and refunds come with an order; where it has that many, all are asked for."""

_ORDER: Final = """
fragment Money on MoneyBag { shopMoney { amount currencyCode } }
fragment Line on LineItem {
  id title quantity currentQuantity isGiftCard
  product { legacyResourceId }
  originalUnitPriceSet { ...Money }
  discountAllocations { allocatedAmountSet { ...Money } }
  taxLines { priceSet { ...Money } }
}
fragment Payment on OrderTransaction { id kind status createdAt processedAt amountSet { ...Money } }
fragment Whole on Order {
  id legacyResourceId createdAt processedAt updatedAt cancelledAt test taxesIncluded currencyCode
  displayFinancialStatus email landingPageUrl discountCodes
  customer { legacyResourceId }
  customAttributes { key value }
  totalPriceSet { ...Money }
  originalTotalPriceSet { ...Money }
  totalTipReceivedSet { ...Money }
  shippingLines(first: 10) {
    nodes {
      id
      originalPriceSet { ...Money }
      discountAllocations { allocatedAmountSet { ...Money } }
      taxLines { priceSet { ...Money } }
    }
  }
  lineItems(first: 30) { nodes { ...Line } pageInfo { hasNextPage endCursor } }
  transactions(first: 20) { ...Payment }
  refunds(first: 20) { id }
}
"""

_MONEY_AND_LINE: Final = _ORDER.partition("fragment Payment")[0]

PAGE: Final = f"""
query Changed($query: String!, $first: Int!, $after: String) {{
  orders(query: $query, first: $first, after: $after, sortKey: UPDATED_AT) {{
    nodes {{ ...Whole }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
{_ORDER}"""

ONE: Final = f"""
query One($id: ID!) {{ order(id: $id) {{ ...Whole }} }}
{_ORDER}"""

MORE_LINES: Final = f"""
query MoreLines($id: ID!, $after: String) {{
  order(id: $id) {{
    lineItems(first: 50, after: $after) {{ nodes {{ ...Line }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}
{_MONEY_AND_LINE}"""

ALL_LISTED: Final = """
query AllListed($id: ID!) {
  order(id: $id) {
    transactions(first: 250) {
      id kind status createdAt processedAt amountSet { shopMoney { amount currencyCode } }
    }
    refunds(first: 250) { id }
  }
}
"""

_REFUND_LINES: Final = """
      nodes { quantity lineItem { id } subtotalSet { ...Money } totalTaxSet { ...Money } }
      pageInfo { hasNextPage endCursor }
"""

REFUNDS: Final = f"""
query Refunds($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Refund {{
      id legacyResourceId createdAt processedAt updatedAt
      duties {{ amountSet {{ ...Money }} }}
      refundLineItems(first: 30) {{ {_REFUND_LINES} }}
      refundShippingLines(first: 10) {{ nodes {{ subtotalAmountSet {{ ...Money }} taxAmountSet {{ ...Money }} }} }}
      transactions(first: 20) {{ nodes {{ id kind status createdAt processedAt amountSet {{ ...Money }} }} }}
    }}
  }}
}}
fragment Money on MoneyBag {{ shopMoney {{ amount currencyCode }} }}
"""

MORE_REFUND_LINES: Final = f"""
query MoreRefundLines($id: ID!, $after: String) {{
  node(id: $id) {{ ... on Refund {{ refundLineItems(first: 50, after: $after) {{ {_REFUND_LINES} }} }} }}
}}
fragment Money on MoneyBag {{ shopMoney {{ amount currencyCode }} }}
"""

CHECK: Final = "query Check { shop { name } currentAppInstallation { accessScopes { handle } } }"

VISIBLE: Final = "query Visible { orders(first: 1) { nodes { email customer { legacyResourceId } } } }"
"""Shopify names what it keeps from the app only where there is something."""
