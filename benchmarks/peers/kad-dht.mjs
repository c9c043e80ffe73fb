// Nodes of js-libp2p with its hash table, in one process, that do what they are told. Each line of standard input is a JSON object {"do", ...}; each is answered by a line, in order.
//   {"do": "start", "count"}                                  -> {"nodes": [{"peer", "address"}]}
//   {"do": "join", "addresses"}                               -> {}: each node dials one of them and looks for its neighbours
//   {"do": "refresh"}                                         -> {}: each looks for its neighbours once more, now that all are there
//   {"do": "provide", "keys"}                                 -> {}: the first node provides the first key, and so on around
//   {"do": "find", "node", "key", "provider", "limitMs"}      -> {"ms", "isFound"}: until the provider is found
//   {"do": "size"}                                            -> {"connections", "known"}: of an average node
// Keys are SHA-256 digests in base64.
import { createInterface } from 'node:readline';
import { createLibp2p } from 'libp2p';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { multiaddr } from '@multiformats/multiaddr';
import { tcp } from '@libp2p/tcp';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { identify } from '@libp2p/identify';
import { ping } from '@libp2p/ping';
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';

const atOnce = 4;
const nodes = [];
const cidOf = key => CID.createV1(0x55, Digest.create(0x12, Uint8Array.from(Buffer.from(key, 'base64'))));

async function each(items, act) {
  const queue = [...items.entries()];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      await act(next[1], next[0]);
  }));
}

const acts = {
  async start({ count }) {
    for (let index = 0; index < count; index++) {
      nodes.push(await createLibp2p({
        privateKey: await generateKeyPair('Ed25519'),
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        // What costs it least: a third of a handshake of TLS.
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        // All come from one address here. Pinging each neighbour each ten seconds would be what this machine does.
        connectionMonitor: { enabled: false },
        connectionManager: { maxConnections: 1_000, inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100 },
        services: { identify: identify(), ping: ping(), dht: kadDHT({ protocol: '/ipfs/kad/1.0.0', clientMode: false, peerInfoMapper: passthroughMapper }) },
      }));
    }
    return { nodes: nodes.map(node => ({ peer: node.peerId.toString(), address: node.getMultiaddrs()[0].toString() })) };
  },

  async join({ addresses }) {
    // One after the other: of many handshakes at once in one thread, all take too long.
    for (const [index, node] of nodes.entries()) {
      const address = multiaddr(addresses[index % addresses.length]);
      if (node.getMultiaddrs()[0].toString() === address.toString())
        continue;
      for (let tries = 5; ; tries--) {
        try {
          await node.dial(address);
          break;
        } catch (error) {
          if (tries === 0)
            throw error;
        }
      }
      for await (const _ of node.services.dht.getClosestPeers(node.peerId.toMultihash().bytes));
    }
    return {};
  },

  async refresh() {
    for (const node of nodes) {
      for await (const _ of node.services.dht.getClosestPeers(node.peerId.toMultihash().bytes));
    }
    return {};
  },

  async provide({ keys }) {
    await each(keys, (key, index) => nodes[index % nodes.length].contentRouting.provide(cidOf(key)));
    return {};
  },

  async find({ node, key, provider, limitMs }) {
    const start = performance.now();
    let isFound = false;
    try {
      for await (const found of nodes[node].contentRouting.findProviders(cidOf(key), { signal: AbortSignal.timeout(limitMs) })) {
        if (found.id.toString() === provider) {
          isFound = true;
          break;
        }
      }
    } catch {
      // It was not found in time.
    }
    return { ms: performance.now() - start, isFound };
  },

  async size() {
    const sum = count => nodes.reduce((total, node) => total + count(node), 0) / nodes.length;
    return { connections: sum(node => node.getConnections().length), known: sum(node => node.services.dht.routingTable.size) };
  },
};

// A dial that nobody waits for any more may fail.
process.on('unhandledRejection', () => {});
for await (const line of createInterface({ input: process.stdin })) {
  const { do: act, ...rest } = JSON.parse(line);
  process.stdout.write(JSON.stringify(await acts[act](rest).catch(error => ({ error: String(error?.stack ?? error) }))) + '\n');
}
process.exit(0);
