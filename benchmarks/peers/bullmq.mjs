// Enqueues jobs that do nothing in BullMQ and runs them: bullmq.mjs PORT JOBS
// Prints {"jobs": n, "seconds": s}: from before the first is added until the last has run and is marked as completed.
import { Queue, Worker } from 'bullmq';

const [port, jobs] = [Number(process.argv[2]), Number(process.argv[3])];
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
const queue = new Queue('noop', { connection });
let ran = 0;
let done;
const all = new Promise((resolve) => (done = resolve));
const start = process.hrtime.bigint();
for (let added = 0; added < jobs; added += 1000) {
  await queue.addBulk(
    Array.from({ length: Math.min(1000, jobs - added) }, () => ({ name: 'noop', data: {}, opts: { removeOnComplete: true } })),
  );
}
const worker = new Worker('noop', async () => {}, { connection, concurrency: 100 });
worker.on('completed', () => {
  if (++ran === jobs) done();
});
await all;
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
await worker.close();
await queue.close();
console.log(JSON.stringify({ jobs, seconds }));
process.exit(0);
