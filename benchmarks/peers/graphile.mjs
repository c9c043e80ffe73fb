// Enqueues jobs that do nothing in Graphile Worker and runs them: graphile.mjs CONNECTION JOBS batched|single
// Prints {"jobs": n, "seconds": s}: from before the first is added until the last has run and is gone from the database.
import { run, makeWorkerUtils } from 'graphile-worker';
import pg from 'pg';

const [connectionString, jobs, mode] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const isBatched = mode === 'batched';
const utils = await makeWorkerUtils({ connectionString });
await utils.migrate();
const pool = new pg.Pool({ connectionString, max: 20 });
const open = async () => Number((await pool.query('SELECT count(*) FROM graphile_worker._private_jobs')).rows[0].count);

let ran = 0;
let done;
const all = new Promise((resolve) => (done = resolve));
const preset = {
  worker: {
    connectionString,
    maxPoolSize: 12,
    concurrentJobs: isBatched ? 24 : 10,
    ...(isBatched ? { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
  },
};
const start = process.hrtime.bigint();
if (isBatched) {
  for (let added = 0; added < jobs; added += 500) {
    const specs = Array.from({ length: Math.min(500, jobs - added) }, () => ({ identifier: 'noop', payload: {} }));
    await utils.addJobs(specs);
  }
} else {
  const adders = Array.from({ length: 10 }, async (_, adder) => {
    for (let job = adder; job < jobs; job += 10) await utils.addJob('noop', {});
  });
  await Promise.all(adders);
}
const quiet = { debug() {}, info() {}, warn() {}, error: console.error };
const { Logger } = await import('graphile-worker');
const runner = await run({
  preset,
  logger: new Logger(() => (level, message) => level === 'error' && quiet.error(message)),
  noHandleSignals: true,
  taskList: {
    noop: () => {
      if (++ran === jobs) done();
    },
  },
});
await all;
while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
await runner.stop();
await pool.end();
await utils.release();
console.log(JSON.stringify({ jobs, seconds }));
process.exit(0);
