// node --require ./loopback.cjs …: a server that would listen on every interface listens on 127.0.0.1 only.
const net = require('node:net');

const listen = net.Server.prototype.listen;
const everywhere = new Set([undefined, null, '', '0.0.0.0', '::']);

net.Server.prototype.listen = function (first, ...rest) {
  if (first !== null && typeof first === 'object' && first.port !== undefined) {
    return listen.call(this, everywhere.has(first.host) ? { ...first, host: '127.0.0.1' } : first, ...rest);
  }
  if (typeof first === 'number' || /^\d+$/.test(first)) {
    const [host, ...more] = typeof rest[0] === 'function' ? [undefined, ...rest] : rest;
    return listen.call(this, first, everywhere.has(host) ? '127.0.0.1' : host, ...more);
  }
  return listen.call(this, first, ...rest);
};
