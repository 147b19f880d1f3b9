// @ts-nocheck
// A Medusa subscriber that tells Goodword when an order, one of its payments or a return changed. It sends the order's id
// and nothing else; Goodword then asks the Admin API what the order is. Signed as Standard Webhooks are, tried again for
// about an hour. Copy it to src/subscribers/goodword.ts (it is TypeScript as well) and set in the server's environment:
//
//   GOODWORD_ADDRESS=https://goodword.example/hooks/medusa/main-shop
//   GOODWORD_SECRET=a secret of at least 24 characters
//
// For clicks, let the storefront keep `gw_click` of the landing address in the cart; Medusa copies it to the order:
//   sdk.store.cart.update(cartId, { metadata: { gw_click: "…" } })
import { createHmac, randomUUID } from 'node:crypto';

const PAUSES = [1, 5, 30, 120, 600, 2400];

export const config = {
  event: ['order.placed', 'order.updated', 'order.canceled', 'order.completed', 'order.archived',
    'order.fulfillment_created', 'order.fulfillment_canceled', 'order.return_requested', 'order.return_received',
    'order.exchange_created', 'order.claim_created', 'order-edit.confirmed', 'payment.captured', 'payment.refunded',
    'shipment.created', 'delivery.created'],
  context: { subscriberId: 'goodword' },
};

// Where a payment and a fulfillment have their order.
const ORDER_OF = { payment: 'payment_collection.order.id', fulfillment: 'order.id' };
const ENTITIES = { payment: 'payment', shipment: 'fulfillment', delivery: 'fulfillment' };

export default async function tellGoodword({ event, container }) {
  if (!process.env.GOODWORD_ADDRESS || !process.env.GOODWORD_SECRET) return;
  const entity = ENTITIES[event.name.split('.')[0]];
  const id = entity ? await orderOf(entity, event.data.id, container) : event.data.order_id ?? event.data.id;
  if (id) void send({ id });
}

async function orderOf(entity, id, container) {
  const { data } = await container.resolve('query').graph({ entity, fields: ['id', ORDER_OF[entity]], filters: { id } });
  return ORDER_OF[entity].split('.').reduce((thing, name) => thing?.[name], data[0]);
}

async function send(body) {
  const id = `msg_${randomUUID()}`;
  const text = JSON.stringify(body);
  for (const pause of [0, ...PAUSES]) {
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', process.env.GOODWORD_SECRET).update(`${id}.${timestamp}.${text}`).digest('base64');
    const headers = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`, 'x-goodword-topic': 'order' };
    try {
      const answer = await fetch(process.env.GOODWORD_ADDRESS, { method: 'POST', headers, body: text, redirect: 'error' });
      if (answer.ok) return;
    } catch {
      // Nobody answered: reconciliation finds what is lost for good.
    }
  }
}
