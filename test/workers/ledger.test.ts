// The ledger's contract over a Durable Object's SQLite.
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { ledgerContract } from '../../src/ledger/contract.ts';
import { durableSql } from '../../workers/adapters/sql.ts';
import type { Env } from '../../workers/env.ts';

const { SCHEDULER } = env as unknown as Env;

ledgerContract('SQLite in workerd', async (test) => {
  const stub = SCHEDULER.get(SCHEDULER.newUniqueId());
  await runInDurableObject(stub, async (_object, state) => test(durableSql(state.storage)));
});
