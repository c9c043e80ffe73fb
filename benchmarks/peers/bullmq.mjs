// Enqueues jobs that do nothing in BullMQ and runs them: bullmq.mjs PORT JOBS WARMUP
// Prints {"jobs": n, "seconds": s}: from before the first is added until the last has run and is marked as completed. Before that as many as WARMUP go
// the same way and are not counted.
import { Queue, Worker } from 'bullmq';

const [port, jobs, warmUp] = process.argv.slice(2).map(Number);
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };

async function measure(name, count) {
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  let ran = 0;
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const start = process.hrtime.bigint();
  for (let added = 0; added < count; added += 1000) {
    await queue.addBulk(
      Array.from({ length: Math.min(1000, count - added) }, () => ({ name: 'noop', data: {}, opts: { removeOnComplete: true } })),
    );
  }
  const worker = new Worker(name, async () => {}, { connection, concurrency: 100 });
  worker.on('completed', () => {
    if (++ran === count) done();
  });
  await all;
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  await worker.close();
  await queue.close();
  return seconds;
}

await measure('warm', warmUp);
console.log(JSON.stringify({ jobs, seconds: await measure('noop', jobs) }));
process.exit(0);
