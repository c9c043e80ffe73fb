// Runs WebAssembly programs in Node's V8 for the benchmark. One JSON object a line, from stdin to stdout:
//   {"load": base64}      compiles and instantiates; keeps the instance                  -> {}
//   {"run": n}            calls its run(n)                         -> {"sum": text, "cpu_ms": ms, "wall_ms": ms}
//   {"first": path}       bytes to the return of the export `first`, cold      -> {"wall_ms": ms}
//   {"validate": path}    validates                                                      -> {"cpu_ms": ms}
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

let instance;
let cold = 0;

// The time of this thread alone where Node tells it; else of the process, whose other threads are idle once V8 has compiled.
const cpuMs = () => {
  const used = (process.threadCpuUsage ?? process.cpuUsage).call(process);
  return (used.user + used.system) / 1000;
};
const wallMs = () => Number(process.hrtime.bigint()) / 1e6;

const timed = (action) => {
  const cpu = cpuMs();
  const wall = wallMs();
  const value = action();
  return { value, cpu_ms: cpuMs() - cpu, wall_ms: wallMs() - wall };
};

// V8 remembers modules by their bytes: a custom section of its own makes each one new.
const unseen = (bytes) => Buffer.concat([bytes, Buffer.from([0, 5, 4, cold & 127, cold >> 7 & 127, cold++ >> 14 & 127, 1])]);

const answer = (request) => {
  if (request.load) {
    instance = new WebAssembly.Instance(new WebAssembly.Module(unseen(Buffer.from(request.load, 'base64'))));
    return {};
  }
  if (request.run !== undefined) {
    const { value, ...times } = timed(() => instance.exports.run(request.run));
    return { sum: String(value), ...times };
  }
  if (request.first) {
    const bytes = unseen(readFileSync(request.first));
    return timed(() => new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.first());
  }
  const bytes = unseen(readFileSync(request.validate));
  const { value, ...times } = timed(() => WebAssembly.validate(bytes));
  if (!value) throw new Error('not valid');
  return times;
};

process.stdout.write(`${JSON.stringify({ node: process.versions.node, v8: process.versions.v8 })}\n`);
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
