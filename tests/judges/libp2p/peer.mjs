// A js-libp2p peer that does what it is told. Each line of standard input is a JSON object {"id", "do", ...}; each is answered by a line {"id", ...} or
// {"id", "error"}. What happens without being asked for is a line {"event", ...}. Bytes are base64.
//   {"do": "start", "key": "Ed25519" | "secp256k1" | "RSA" | "ECDSA", "security": ["tls", "noise"], "muxers": ["yamux"], "listen": [address], "services": ["identify", "identifyPush", "ping", "dht", "gossip", "oldGossip", "relay"], "circuits": true | false}
//                                                       -> {"peer", "addresses"}; with "circuits" it dials by way of relays, and listens at relays, …/p2p/RELAY/p2p-circuit
//   {"do": "dial", "address"}                           -> {"peer", "security", "muxer"}
//   {"do": "echo", "peer", "bytes", "seed"}             -> {"bytes", "isSame"}: that many bytes sent on an echo stream to a connected peer, and read back
//   {"do": "hangUp", "peer"}                            -> {}
//   {"do": "ping", "peer"}                              -> {"ms"}
//   {"do": "describe", "peer"}                          -> {"protocols", "agent", "addresses"}: what the peer has said of itself
//   {"do": "put" | "get", "key", "value"}               -> {} | {"value"}: a record of the hash table
//   {"do": "provide", "key"} | {"do": "providers", "key"}  -> {} | {"peers"}: by the SHA-256 of the key's bytes, as a raw block
//   {"do": "find", "peer"}                              -> {"addresses"}
//   {"do": "subscribe", "topic"}                        -> {}
//   {"do": "publish", "topic", "data", "isForged"}      -> {"recipients"}: how many peers; a forged message has a signature that does not hold
//   {"do": "topic", "topic"}                            -> {"subscribers", "mesh"}: peers
//   {"do": "stop"}                                      -> {}
// Events: {"event": "connected", "peer", "security", "muxer", "direction"}, {"event": "disconnected", "peer"}, {"event": "message", "topic", "from", "data"}.
import './ecdsa.mjs';
import { createInterface } from 'node:readline';

const { createLibp2p } = await import('libp2p');
const { generateKeyPair } = await import('@libp2p/crypto/keys');
const { peerIdFromString } = await import('@libp2p/peer-id');
const { multiaddr } = await import('@multiformats/multiaddr');
const { tcp } = await import('@libp2p/tcp');
const securities = { tls: (await import('@libp2p/tls')).tls, noise: (await import('@chainsafe/libp2p-noise')).noise };
const muxers = { yamux: (await import('@chainsafe/libp2p-yamux')).yamux };

const services = {
  identify: async () => (await import('@libp2p/identify')).identify(),
  identifyPush: async () => (await import('@libp2p/identify')).identifyPush(),
  ping: async () => (await import('@libp2p/ping')).ping(),
  relay: async () => (await import('@libp2p/circuit-relay-v2')).circuitRelayServer(),
  dht: async () => {
    const { kadDHT, passthroughMapper } = await import('@libp2p/kad-dht');
    return kadDHT({ protocol: '/ipfs/kad/1.0.0', clientMode: false, peerInfoMapper: passthroughMapper, validators: { test: async () => {} }, selectors: { test: () => 0 } });
  },
};
// Its own ids have the author's key where the specification has the author's id.
async function gossip(change) {
  const { gossipsub } = await import('@libp2p/gossipsub');
  const make = gossipsub({
    allowPublishToZeroTopicPeers: true,
    msgIdFn: message => Buffer.concat([message.from.toMultihash().bytes, Buffer.from(message.sequenceNumber.toString(16).padStart(16, '0'), 'hex')]),
  });
  return components => {
    const made = change(make(components));
    made.addEventListener('message', ({ detail }) =>
      say({ event: 'message', topic: detail.topic, from: detail.from.toString(), data: Buffer.from(detail.data).toString('base64') }));
    return made;
  };
}

services.gossip = () => gossip(made => made);
services.oldGossip = () => gossip(made => Object.assign(made, { protocols: ['/meshsub/1.0.0'] }));
const gossipOf = node => node.services.gossip ?? node.services.oldGossip;

const bytesOf = base64 => Uint8Array.from(Buffer.from(base64, 'base64'));

const echo = '/stoa-test/echo/1.0.0';
let node;
let privateKey;
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

async function cidOf(key) {
  const { CID } = await import('multiformats/cid');
  const { sha256 } = await import('multiformats/hashes/sha2');
  return CID.createV1(0x55, await sha256.digest(bytesOf(key)));
}

const acts = {
  async start({ key, security, muxers: muxing = ['yamux'], listen = ['/ip4/127.0.0.1/tcp/0'], services: named = [], circuits = false }) {
    privateKey = await generateKeyPair(key, key === 'RSA' ? 2048 : undefined);
    node = await createLibp2p({
      privateKey,
      addresses: { listen },
      transports: circuits ? [tcp(), (await import('@libp2p/circuit-relay-v2')).circuitRelayTransport()] : [tcp()],
      connectionEncrypters: security.map(name => securities[name]()),
      streamMuxers: muxing.map(name => muxers[name]()),
      connectionMonitor: { enabled: false },
      services: Object.fromEntries(await Promise.all(named.map(async name => [name, await services[name]()]))),
    });
    await node.handle(echo, answerEcho, { runOnLimitedConnection: true });
    node.addEventListener('connection:open', ({ detail }) => say({ event: 'connected', ...describe(detail), direction: detail.direction }));
    node.addEventListener('connection:close', ({ detail }) => say({ event: 'disconnected', peer: detail.remotePeer.toString() }));
    return { peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(address => address.toString()) };
  },

  async dial({ address }) {
    return describe(await node.dial(multiaddr(address)));
  },

  async echo({ peer, bytes, seed }) {
    const sent = pattern(bytes, seed);
    const stream = await node.dialProtocol(peerIdFromString(peer), echo, { runOnLimitedConnection: true });
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

  async ping({ peer }) {
    return { ms: await node.services.ping.ping(peerIdFromString(peer)) };
  },

  async describe({ peer }) {
    const known = await node.peerStore.get(peerIdFromString(peer));
    const agent = known.metadata.get('AgentVersion');
    return { protocols: known.protocols, agent: agent && Buffer.from(agent).toString(), addresses: known.addresses.map(address => address.multiaddr.toString()) };
  },

  async put({ key, value }) {
    await node.contentRouting.put(bytesOf(key), bytesOf(value));
    return {};
  },

  async get({ key }) {
    return { value: Buffer.from(await node.contentRouting.get(bytesOf(key))).toString('base64') };
  },

  async provide({ key }) {
    await node.contentRouting.provide(await cidOf(key));
    return {};
  },

  async providers({ key }) {
    const peers = [];
    for await (const provider of node.contentRouting.findProviders(await cidOf(key)))
      peers.push(provider.id.toString());
    return { peers };
  },

  async find({ peer }) {
    const found = await node.peerRouting.findPeer(peerIdFromString(peer));
    return { addresses: found.multiaddrs.map(address => address.toString()) };
  },

  async subscribe({ topic }) {
    gossipOf(node).subscribe(topic);
    return {};
  },

  async publish({ topic, data, isForged }) {
    const sign = privateKey.sign;
    if (isForged)
      privateKey.sign = bytes => sign.call(privateKey, Uint8Array.from([...bytes.subarray(), 1]));
    try {
      return { recipients: (await gossipOf(node).publish(topic, bytesOf(data))).recipients.length };
    } finally {
      privateKey.sign = sign;
    }
  },

  async topic({ topic }) {
    return { subscribers: gossipOf(node).getSubscribers(topic).map(peer => peer.toString()), mesh: gossipOf(node).getMeshPeers(topic) };
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
