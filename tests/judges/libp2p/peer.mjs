// A js-libp2p peer that does what it is told. Each line of standard input is a JSON object {"id", "do", ...}; each is answered by a line {"id", ...} or
// {"id", "error"}. What happens without being asked for is a line {"event", ...}. Bytes are base64.
//   {"do": "start", "key": "Ed25519" | "secp256k1" | "RSA" | "ECDSA", "security": ["tls", "noise"], "muxers": ["yamux"], "listen": [address]}
//                                                       -> {"peer", "addresses"}
//   {"do": "dial", "address"}                           -> {"peer", "security", "muxer"}
//   {"do": "echo", "peer", "bytes", "seed"}             -> {"bytes", "isSame"}: that many bytes sent on an echo stream to a connected peer, and read back
//   {"do": "hangUp", "peer"}                            -> {}
//   {"do": "stop"}                                      -> {}
// Events: {"event": "connected", "peer", "security", "muxer", "direction"}, {"event": "disconnected", "peer"}.
import './ecdsa.mjs';
import { createInterface } from 'node:readline';

const { createLibp2p } = await import('libp2p');
const { generateKeyPair } = await import('@libp2p/crypto/keys');
const { peerIdFromString } = await import('@libp2p/peer-id');
const { multiaddr } = await import('@multiformats/multiaddr');
const { tcp } = await import('@libp2p/tcp');
const securities = { tls: (await import('@libp2p/tls')).tls, noise: (await import('@chainsafe/libp2p-noise')).noise };
const muxers = { yamux: (await import('@chainsafe/libp2p-yamux')).yamux };

const echo = '/stoa-test/echo/1.0.0';
let node;
const say = line => process.stdout.write(JSON.stringify(line) + '\n');
const describe = connection => ({ peer: connection.remotePeer.toString(), security: connection.encryption, muxer: connection.multiplexer });
const drained = stream => new Promise((resolve, reject) => {
  stream.addEventListener('drain', resolve, { once: true });
  stream.addEventListener('close', () => reject(new Error('the stream was closed')), { once: true });
});

async function write(stream, bytes) {
  if (!stream.send(bytes))
    await drained(stream);
}

async function answerEcho(stream) {
  for await (const piece of stream)
    await write(stream, piece.subarray());
  await stream.close();
}

// The same bytes on both sides without sending them beside: a linear congruence, its upper byte.
function pattern(length, seed) {
  const bytes = new Uint8Array(length);
  for (let index = 0, state = seed >>> 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

const acts = {
  async start({ key, security, muxers: muxing = ['yamux'], listen = ['/ip4/127.0.0.1/tcp/0'] }) {
    node = await createLibp2p({
      privateKey: await generateKeyPair(key, key === 'RSA' ? 2048 : undefined),
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: security.map(name => securities[name]()),
      streamMuxers: muxing.map(name => muxers[name]()),
      connectionMonitor: { enabled: false },
    });
    await node.handle(echo, answerEcho);
    node.addEventListener('connection:open', ({ detail }) => say({ event: 'connected', ...describe(detail), direction: detail.direction }));
    node.addEventListener('connection:close', ({ detail }) => say({ event: 'disconnected', peer: detail.remotePeer.toString() }));
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(address => address.toString()) };
  },

  async dial({ address }) {
    return describe(await node.dial(multiaddr(address)));
  },

  async echo({ peer, bytes, seed }) {
    const sent = pattern(bytes, seed);
    const stream = await node.dialProtocol(peerIdFromString(peer), echo);
    const reading = (async () => {
      let [at, isSame] = [0, true];
      for await (const piece of stream) {
        const read = piece.subarray();
        isSame &&= Buffer.compare(read, sent.subarray(at, at + read.length)) === 0;
        at += read.length;
      }
      return { bytes: at, isSame };
    })();
    for (let at = 0; at < sent.length; at += 65536)
      await write(stream, sent.subarray(at, at + 65536));
    await stream.close();
    return reading;
  },

  async hangUp({ peer }) {
    await node.hangUp(peerIdFromString(peer));
    return {};
  },

  async stop() {
    await node?.stop();
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: act, ...rest } = JSON.parse(line);
  // Not awaited: one act may wait for what another brings about.
  Promise.resolve().then(() => acts[act](rest)).then(answer => say({ id, ...answer }), error => say({ id, error: String(error?.stack ?? error) }));
}
await node?.stop();
process.exit(0);
