"""What Vendure's Admin API is asked, in GraphQL."""

from typing import Final

SIGN_IN: Final = """
mutation ($username: String!, $password: String!) {
  login(username: $username, password: $password) { __typename }
}
"""

CHECK: Final = """
{ activeChannel { code currencyCode } me { channels { permissions } } }
"""

_ORDER: Final = """
  id code type state active orderPlacedAt updatedAt currencyCode totalWithTax shipping shippingWithTax couponCodes %s
  surcharges { priceWithTax }
  customer { id emailAddress }
  lines {
    id quantity orderPlacedQuantity proratedLinePrice proratedLinePriceWithTax
    productVariant { sku product { id collections { slug } } }
  }
  payments {
    id amount state updatedAt
    refunds { id total state createdAt updatedAt lines { orderLineId quantity } }
  }
  moves: history(options: {
    take: 100, sort: { createdAt: ASC }, filter: { type: { eq: "ORDER_STATE_TRANSITION" } }
  }) { items { createdAt data } }
  newest: history(options: { take: 1, sort: { createdAt: DESC } }) { totalItems items { createdAt } }
"""


def order_fields(click_field: str) -> str:
    """Return the selection that an order is read by; `click_field` is the custom field with its click id, or empty."""
    return _ORDER % (f"customFields {{ click: {click_field} }}" if click_field else "")


def one_order(click_field: str) -> str:
    """Return the question for the order with one code."""
    return f"""
query ($code: String!) {{
  orders(options: {{ take: 1, filter: {{ code: {{ eq: $code }} }} }}) {{ items {{ {order_fields(click_field)} }} }}
}}
"""


def orders_placed(click_field: str) -> str:
    """Return the question for a page of the orders placed in a stretch of time, oldest first."""
    return f"""
query ($since: DateTime!, $until: DateTime!, $skip: Int!, $take: Int!) {{
  orders(options: {{
    skip: $skip, take: $take, sort: {{ orderPlacedAt: ASC, id: ASC }},
    filter: {{ orderPlacedAt: {{ between: {{ start: $since, end: $until }} }} }}
  }}) {{ totalItems items {{ {order_fields(click_field)} }} }}
}}
"""


PROMOTIONS: Final = """
query ($code: String!) {
  same: promotions(options: { take: 100, filter: { couponCode: { eq: $code } } }) { items { ...told } }
  similar: promotions(options: { take: 100, filter: { couponCode: { contains: $code } } }) { items { ...told } }
}
fragment told on Promotion { id enabled couponCode startsAt endsAt actions { code args { name value } } }
"""

CREATE_PROMOTION: Final = """
mutation ($input: CreatePromotionInput!) {
  createPromotion(input: $input) {
    __typename ... on Promotion { id } ... on ErrorResult { errorCode message }
  }
}
"""

UPDATE_PROMOTION: Final = """
mutation ($input: UpdatePromotionInput!) {
  updatePromotion(input: $input) {
    __typename ... on Promotion { id } ... on ErrorResult { errorCode message }
  }
}
"""

PROMOTION: Final = """
query ($id: ID!) { promotion(id: $id) { id enabled } }
"""
