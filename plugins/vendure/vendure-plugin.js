// A Vendure plugin that tells Goodword when an order or one of its refunds changed. It sends the order's code and nothing
// else; Goodword then asks the Admin API what the order is. Signed as Standard Webhooks are, tried again for about an hour.
//
//   const { GoodwordPlugin } = require('./vendure-plugin');
//   plugins: [GoodwordPlugin.init({ address: 'https://goodword.example/hooks/vendure/main-shop', secret: '…' })]
//
// It also gives orders a custom field `gwClick`, which the storefront sets to the `gw_click` of the landing address:
//   mutation { setOrderCustomFields(input: { customFields: { gwClick: "…" } }) { __typename } }
const { createHmac, randomUUID } = require('node:crypto');
const core = require('@vendure/core');

const PAUSES = [1, 5, 30, 120, 600, 2400];
class GoodwordPlugin {
  static options = { address: '', secret: '' };

  static init(options) {
    GoodwordPlugin.options = options;
    return GoodwordPlugin;
  }

  constructor(eventBus) {
    this.eventBus = eventBus;
  }

  onApplicationBootstrap() {
    if (!GoodwordPlugin.options.address) return;
    const told = (kind, topic, code) => this.eventBus.ofType(kind).subscribe((event) => {
      const order = code(event);
      if (order) void send(topic, { code: order });
    });
    const placed = ({ order }) => order.orderPlacedAt && order.code; // carts concern nobody
    told(core.OrderPlacedEvent, 'order', (event) => event.order.code);
    told(core.OrderStateTransitionEvent, 'order', placed);
    told(core.OrderEvent, 'order', placed);
    told(core.OrderLineEvent, 'order', placed);
    told(core.PaymentStateTransitionEvent, 'order', placed);
    told(core.RefundEvent, 'refund', placed);
    told(core.RefundStateTransitionEvent, 'refund', placed);
  }
}

async function send(topic, body) {
  const { address, secret } = GoodwordPlugin.options;
  const id = `msg_${randomUUID()}`;
  const text = JSON.stringify(body);
  for (const pause of [0, ...PAUSES]) {
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${text}`).digest('base64');
    const headers = { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`, 'x-goodword-topic': topic };
    try {
      const answer = await fetch(address, { method: 'POST', headers, body: text, redirect: 'error' });
      if (answer.ok) return;
    } catch {
      // Nobody answered: reconciliation finds what is lost for good.
    }
  }
}

Reflect.decorate([core.VendurePlugin({
  imports: [core.PluginCommonModule],
  configuration: (config) => {
    config.customFields.Order.push({ name: 'gwClick', type: 'string', length: 64, nullable: true, public: true });
    return config;
  },
})], GoodwordPlugin);
Reflect.defineMetadata('design:paramtypes', [core.EventBus], GoodwordPlugin);

module.exports = { GoodwordPlugin };
