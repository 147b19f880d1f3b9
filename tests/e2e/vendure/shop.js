// node shop.js populate|serve: a Vendure shop on SQLite, on loopback only, with nothing beside it.
// SHOP_DIR keeps its data; PORT, HOOK_ADDRESS and HOOK_SECRET say where it listens and whom it tells.
const fs = require('node:fs');
const path = require('node:path');
const v = require('@vendure/core');
const { AssetServerPlugin } = require('@vendure/asset-server-plugin');
const { GoodwordPlugin } = require(process.env.GOODWORD_PLUGIN);

const dir = process.env.SHOP_DIR;
const populating = process.argv[2] === 'populate';
const location = path.join(dir, 'vendure.sqlite');
const filled = populating ? undefined : new Uint8Array(fs.readFileSync(location));
const catalogue = path.join(path.dirname(require.resolve('@vendure/create/package.json')), 'assets');

const config = {
  apiOptions: { port: Number(process.env.PORT), hostname: '127.0.0.1', adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
  authOptions: {
    tokenMethod: ['bearer'],
    superadminCredentials: { identifier: 'superadmin', password: 'superadmin' },
    cookieOptions: { secret: 'only for tests' },
  },
  dbConnectionOptions: { type: 'sqljs', location, database: filled, synchronize: populating, logging: false },
  paymentOptions: { paymentMethodHandlers: [v.dummyPaymentHandler] },
  customFields: { Order: [] },
  logger: new v.DefaultLogger({ level: v.LogLevel.Warn }),
  importExportOptions: { importAssetsDir: path.join(catalogue, 'images') },
  plugins: [
    v.DefaultJobQueuePlugin.init({}),
    AssetServerPlugin.init({ route: 'assets', assetUploadDir: path.join(dir, 'assets') }),
    GoodwordPlugin.init({ address: process.env.HOOK_ADDRESS, secret: process.env.HOOK_SECRET }),
  ],
};

(async () => {
  if (populating) {
    const { populate } = require('@vendure/core/cli');
    const data = require(path.join(catalogue, 'initial-data.json'));
    const app = await populate(() => v.bootstrap(config), data, path.join(catalogue, 'products.csv'));
    await app.get(v.TransactionalConnection).rawConnection.sqljsManager.saveDatabase(location);
    await app.close();
    process.exit(0);
  }
  const app = await v.bootstrap(config);
  await app.get(v.JobQueueService).start();
  console.log('READY');
})();
