// Seals and opens in the format of docs/sealing.md with an HPKE that is not Stoa's. Reads a JSON array from standard input and writes one to standard output;
// all bytes are base64.
//   {"derive": {"ikm"}}                                        -> {"publicKey"}
//   {"seal": {"publicKey", "account", "plain"}}                -> {"sealed", "exported"}
//   {"open": {"ikm", "account", "sealed"}}                     -> {"plain", "exported"} or {"refused"}
//   {"openReply": {"exported", "reply"}}                       -> {"plain"} or {"refused"}
//   {"sealReply": {"exported", "salt", "plain"}}               -> {"reply"}
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const chunkBytes = 65536, tagBytes = 16;
const bytes = text => Uint8Array.from(Buffer.from(text, 'base64'));
const text = buffer => Buffer.from(buffer).toString('base64');
const utf8 = value => new TextEncoder().encode(value);
const infoOf = account => utf8(`stoa sealed input v1 ${account}`);
const exportOf = context => context.export(utf8('stoa sealed reply v1'), 32);

function* pieces(data, size) {
  for (let at = 0; at === 0 || at < data.length; at += size)
    yield { piece: data.subarray(at, at + size), aad: Uint8Array.of(at + size >= data.length ? 1 : 0) };
}

function replyCipher(exported, salt) {
  const material = Buffer.from(hkdfSync('sha256', exported, salt, utf8('stoa sealed reply v1'), 44));
  let sequence = 0n;
  return {
    key: material.subarray(0, 32),
    nonce() {
      const nonce = Buffer.from(material.subarray(32));
      nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ sequence++, 4);
      return nonce;
    },
  };
}

async function answer({ derive, seal, open, openReply, sealReply }) {
  if (derive) {
    const pair = await suite.kem.deriveKeyPair(bytes(derive.ikm));
    return { publicKey: text(await suite.kem.serializePublicKey(pair.publicKey)) };
  }
  if (seal) {
    const point = bytes(seal.publicKey);
    const context = await suite.createSenderContext({
      recipientPublicKey: await suite.kem.deserializePublicKey(point), info: infoOf(seal.account) });
    const parts = [Buffer.from('STOA-SI\x01'), createHash('sha256').update(point).digest().subarray(0, 8), Buffer.from(context.enc)];
    for (const { piece, aad } of pieces(bytes(seal.plain), chunkBytes))
      parts.push(Buffer.from(await context.seal(piece, aad)));
    return { sealed: text(Buffer.concat(parts)), exported: text(await exportOf(context)) };
  }
  if (open) {
    const sealed = bytes(open.sealed);
    const pair = await suite.kem.deriveKeyPair(bytes(open.ikm));
    const context = await suite.createRecipientContext({ recipientKey: pair.privateKey, enc: sealed.slice(16, 81), info: infoOf(open.account) });
    const parts = [];
    for (const { piece, aad } of pieces(sealed.subarray(81), chunkBytes + tagBytes))
      parts.push(Buffer.from(await context.open(piece, aad)));
    return { plain: text(Buffer.concat(parts)), exported: text(await exportOf(context)) };
  }
  if (openReply) {
    const reply = Buffer.from(bytes(openReply.reply));
    const cipher = replyCipher(bytes(openReply.exported), reply.subarray(8, 40));
    const parts = [];
    for (const { piece, aad } of pieces(reply.subarray(40), chunkBytes + tagBytes)) {
      const one = createDecipheriv('aes-256-gcm', cipher.key, cipher.nonce());
      one.setAAD(aad);
      one.setAuthTag(piece.subarray(piece.length - tagBytes));
      parts.push(one.update(piece.subarray(0, piece.length - tagBytes)), one.final());
    }
    return { plain: text(Buffer.concat(parts)) };
  }
  const cipher = replyCipher(bytes(sealReply.exported), bytes(sealReply.salt));
  const parts = [Buffer.from('STOA-SO\x01'), Buffer.from(bytes(sealReply.salt))];
  for (const { piece, aad } of pieces(bytes(sealReply.plain), chunkBytes)) {
    const one = createCipheriv('aes-256-gcm', cipher.key, cipher.nonce());
    one.setAAD(aad);
    parts.push(one.update(piece), one.final(), one.getAuthTag());
  }
  return { reply: text(Buffer.concat(parts)) };
}

let input = '';
for await (const piece of process.stdin)
  input += piece;
const answers = [];
for (const question of JSON.parse(input)) {
  try {
    answers.push(await answer(question));
  } catch (error) {
    answers.push({ refused: String(error) });
  }
}
process.stdout.write(JSON.stringify(answers));
