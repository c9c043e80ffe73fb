// Runs generated modules in Node's V8. The first byte that it writes says what this V8 knows. Requests come on stdin, answers go to stdout; each begins with its size (u32, little-endian like all numbers).
//   request: module size u32, module, budget u32, exports u16, for each: parameters u8 and their kinds, results u8 and their kinds;
//            calls u32, for each: export u16, arguments of 8 bytes each. Export 0xFFFF asks for the state.
//   answer:  0 u8, for each call: a status u8, and if that is 0 the results of 8 bytes each; for a state: memory hash u32, the globals and tables.
//            Or 1 u8 and a message when the module does not compile or run.
import { readSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

// Two memories; a sum, and a global that another one's first value is made of.
const knows = (...sections) => WebAssembly.validate(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections));
const knowsMemories = () => knows(5, 5, 2, 0, 1, 0, 1);
const knowsConstants = () => knows(6, 17, 2, 0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b, 0x7f, 0, 0x23, 0, 0x41, 2, 0x6c, 0x0b);
// Older versions know them when asked to.
for (const flag of ['extended-const', 'gc']) {
  if (!knowsConstants()) setFlagsFromString(`--experimental-wasm-${flag}`);
}

const I32 = 0x7f;
const STATE = 0xffff;
const STATUS = [
  [/^unreachable/, 1], [/^memory access out of bounds|^data segment/, 2], [/^table index|^table access|^element segment/, 3],
  [/^null function/, 4], [/^divide by zero|^remainder by zero/, 5], [/^divide result/, 6], [/^float unrepresentable/, 7],
];

const mix = (turns, value) => {
  const count = BigInt(turns & 63);
  const bits = BigInt.asUintN(64, value);
  return BigInt.asIntN(64, (bits << count | bits >> (64n - count)) + BigInt(turns >>> 0));
};

const hashOf = (before, memory) => {
  const words = new Int32Array(memory);
  let hash = before ^ memory.byteLength;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i], 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
};

const read = (buffer) => {
  for (let at = 0; at < buffer.length;) {
    const count = readSync(0, buffer, at, buffer.length - at);
    if (count === 0) process.exit(0);
    at += count;
  }
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
};

let out = Buffer.alloc(1 << 20);
let end = 4;
const reserve = (bytes) => {
  if (end + bytes > out.length) out = Buffer.concat([out, Buffer.alloc(out.length)]);
};

const writeValues = (kinds, values) => {
  reserve(8 * kinds.length);
  kinds.forEach((kind, i) => {
    if (kind === I32) out.writeBigUInt64LE(BigInt(values[i] >>> 0), end);
    else out.writeBigUInt64LE(BigInt.asUintN(64, values[i]), end);
    end += 8;
  });
};

const list = (kinds, value) => kinds.length === 0 ? [] : kinds.length === 1 ? [value] : value;

const statusOf = (error) => {
  if (error instanceof RangeError) return 8;
  if (!(error instanceof WebAssembly.RuntimeError)) throw error;
  const found = STATUS.find(([pattern]) => pattern.test(error.message));
  if (!found) throw error;
  return found[1];
};

const answer = (view, bytes) => {
  let at = 4 + view.getUint32(0, true);
  const module = new WebAssembly.Module(bytes.subarray(4, at));
  const { exports } = new WebAssembly.Instance(module, { host: { mix } });
  const budget = view.getUint32(at, true);
  const kinds = () => [...bytes.subarray(at + 1, at += 1 + bytes[at])];
  at += 6;
  const signatures = [];
  for (let left = view.getUint16(at - 2, true); left > 0; left--) signatures.push({ parameters: kinds(), results: kinds() });
  const state = signatures.pop();
  const functions = signatures.map((_, i) => exports[`f${i}`]);
  let left = view.getUint32(at, true);
  at += 4;
  for (; left > 0; left--) {
    const index = view.getUint16(at, true);
    at += 2;
    reserve(8);
    if (index === STATE) {
      let hash = 0;
      for (let i = 0; exports[`memory${i}`]; i++) hash = hashOf(hash, exports[`memory${i}`].buffer);
      out.writeInt32LE(hash, end);
      end += 4;
      if (exports.budget) exports.budget.value = budget;
      writeValues(state.results, list(state.results, exports.state()));
      continue;
    }
    const { parameters, results } = signatures[index];
    const values = [];
    for (const kind of parameters) {
      values.push(kind === I32 ? view.getInt32(at, true) : view.getBigInt64(at, true));
      at += 8;
    }
    if (exports.budget) exports.budget.value = budget;
    try {
      const returned = functions[index](...values);
      out[end++] = 0;
      writeValues(results, list(results, returned));
    } catch (error) {
      out[end++] = statusOf(error);
    }
  }
};

writeSync(1, Uint8Array.of((knowsMemories() ? 1 : 0) | (knowsConstants() ? 2 : 0)));
for (;;) {
  const size = read(Buffer.alloc(4)).getUint32(0, true);
  const bytes = Buffer.alloc(size);
  const view = read(bytes);
  end = 5;
  out[4] = 0;
  try {
    answer(view, bytes);
  } catch (error) {
    out[4] = 1;
    end = 5 + out.write(String(error).slice(0, 1000), 5);
  }
  out.writeUInt32LE(end - 4, 0);
  for (let at = 0; at < end;) at += writeSync(1, out, at, end - at);
}
