// The ledger's contract over a Durable Object's SQLite.
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { ledgerContract } from '../../src/ledger/contract.ts';
import type { Sql } from '../../src/ports/index.ts';
import { durableSql } from '../../workers/adapters/sql.ts';
import type { Env } from '../../workers/env.ts';
import { sealing } from '../harness/cipher.ts';

const { SCHEDULER } = env as unknown as Env;

const withSql = async (test: (sql: Sql) => Promise<void>): Promise<void> => {
  const stub = SCHEDULER.get(SCHEDULER.newUniqueId());
  await runInDurableObject(stub, async (_object, state) => test(durableSql(state.storage)));
};

ledgerContract('SQLite in workerd', withSql);
ledgerContract('SQLite in workerd, sealed', withSql, sealing(['k']));
