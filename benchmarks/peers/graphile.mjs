// Enqueues jobs that do nothing in Graphile Worker and runs them: graphile.mjs CONNECTION JOBS batched|single WARMUP
// Prints {"jobs": n, "seconds": s}: from before the first is added until the last has run and is gone from the database. Before that as many as WARMUP go
// the same way and are not counted.
import { Logger, run, makeWorkerUtils } from 'graphile-worker';
import pg from 'pg';

const [connectionString, jobs, mode, warmUp] = [process.argv[2], Number(process.argv[3]), process.argv[4], Number(process.argv[5])];
const isBatched = mode === 'batched';
const utils = await makeWorkerUtils({ connectionString });
await utils.migrate();
const pool = new pg.Pool({ connectionString, max: 20 });
const open = async () => Number((await pool.query('SELECT count(*) FROM graphile_worker._private_jobs')).rows[0].count);
const preset = {
  worker: {
    connectionString,
    maxPoolSize: 12,
    concurrentJobs: isBatched ? 24 : 10,
    ...(isBatched ? { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
  },
};

async function add(count) {
  if (isBatched) {
    for (let added = 0; added < count; added += 500) {
      await utils.addJobs(Array.from({ length: Math.min(500, count - added) }, () => ({ identifier: 'noop', payload: {} })));
    }
  } else {
    const adders = Array.from({ length: 10 }, async (_, adder) => {
      for (let job = adder; job < count; job += 10) await utils.addJob('noop', {});
    });
    await Promise.all(adders);
  }
}

async function measure(count) {
  let ran = 0;
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const start = process.hrtime.bigint();
  await add(count);
  const runner = await run({
    preset,
    logger: new Logger(() => (level, message) => level === 'error' && console.error(message)),
    noHandleSignals: true,
    taskList: {
      noop: () => {
        if (++ran === count) done();
      },
    },
  });
  await all;
  while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  await runner.stop();
  return seconds;
}

await measure(warmUp);
console.log(JSON.stringify({ jobs, seconds: await measure(jobs) }));
process.exit(0);
