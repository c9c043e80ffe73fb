// js-libp2p writes ECDSA keys, their signatures and their peer ids in a way of its own, not as the peer-ids specification of libp2p has them (and go and rust).
// This puts that right as its modules are loaded: SubjectPublicKeyInfo for the key, DER for the signature, SHA-256 for the id. All else is js-libp2p's own.
import { registerHooks } from 'node:module';

const repairs = [
  ['/@libp2p/crypto/dist/src/keys/ecdsa/index.js', source => without(source, ['hashAndSign', 'hashAndVerify']) + `
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
const bytesOf = message => message instanceof Uint8Array ? message : message.subarray();
export const hashAndSign = async (key, message) =>
  Uint8Array.from(sign('sha256', bytesOf(message), { key: createPrivateKey({ key: { ...key, key_ops: undefined }, format: 'jwk' }), dsaEncoding: 'der' }));
export const hashAndVerify = async (key, signature, message) =>
  verify('sha256', bytesOf(message), { key: createPublicKey({ key: { ...key, key_ops: undefined }, format: 'jwk' }), dsaEncoding: 'der' }, signature);
`],
  ['/@libp2p/crypto/dist/src/keys/ecdsa/utils.js', source => without(source, ['unmarshalECDSAPublicKey', 'publicKeyToPKIMessage']) + `
import { createPublicKey } from 'node:crypto';
export const unmarshalECDSAPublicKey = bytes =>
  new ECDSAPublicKeyClass({ ...P_256_KEY_JWK, key_ops: ['verify'], ...createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' }).export({ format: 'jwk' }) });
export const publicKeyToPKIMessage = key =>
  Uint8Array.from(createPublicKey({ key: { ...key, key_ops: undefined }, format: 'jwk' }).export({ format: 'der', type: 'spki' }));
`],
  ['/@libp2p/crypto/dist/src/keys/ecdsa/ecdsa.js', source => replaced(source, 'identity.digest(publicKeyToProtobuf(this))',
    "Digest.create(0x12, Uint8Array.from(createHash('sha256').update(publicKeyToProtobuf(this)).digest()))") + `
import { createHash } from 'node:crypto';
import * as Digest from 'multiformats/hashes/digest';
`],
  // An id by hash is what js-libp2p calls an RSA id.
  ['/@libp2p/peer-id/dist/src/index.js', source => replaced(source, "publicKey.type === 'RSA'", "publicKey.type === 'RSA' || publicKey.type === 'ECDSA'")],
];

function replaced(source, from, to) {
  if (!source.includes(from))
    throw new Error(`js-libp2p has changed: ${from} is not where it was`);
  return source.replace(from, to);
}

const without = (source, names) =>
  names.reduce((text, name) => text.replace(new RegExp(`export (async )?function ${name}\\(`), (whole, async) => `${async ?? ''}function ${name}OfJs(`), source);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const repair = repairs.find(([suffix]) => url.endsWith(suffix));
    return repair === undefined ? loaded : { ...loaded, source: repair[1](Buffer.from(loaded.source).toString()) };
  },
});
