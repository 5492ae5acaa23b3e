// node --max-old-space-size=MB test/harness/memory.ts: an API server over SQLite in memory, which is outside of that heap,
// lists and deletes collections that do not fit into it, one of which is stored sealed. Prints a line a case; memory.test.ts runs it.
import { adminToken, TestTimers, testServer } from '../../src/apiserver/testing.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import { defaultClusterConfig, type Sql, type SqlValue } from '../../src/ports/index.ts';
import { sealing } from './cipher.ts';
import { openSql } from './sql.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const namespace = '/api/v1/namespaces/default';
/** Of 1 MB each: more than the heap, of which the server itself takes the greater part. */
export const count = 70;

/** As long as SQLite lets a string grow in a durable object. */
const stringBytesMax = 4_000_000;

/** SQLite with that limit, which it has no setting for here: what is joined is measured first. */
function limitedSql(): Sql {
  const sql = openSql();
  return {
    exec<Row>(statement: string, ...bindings: SqlValue[]): Row[] {
      const measured = statement.replace('group_concat(? || value, ?)', 'sum(octet_length(? || value || ?))');
      if (measured !== statement && Number(sql.exec<{ text: number }>(measured, ...bindings)[0]?.text) > stringBytesMax)
        throw new Error('string or blob too big');
      return sql.exec<Row>(statement, ...bindings);
    },
    transaction: (work) => sql.transaction(work),
  };
}

interface Case {
  query?: string;
  accept?: string;
  method?: string;
}

export const cases: Record<string, Case> = {
  'as JSON': {},
  'as protobuf': { accept: protobuf },
  'as a table': { accept: table },
  'what is selected': { query: '?labelSelector=app' },
  'with a limit': { query: '?limit=69' },
  deleted: { method: 'DELETE' },
};

/** Objects of one kind each. */
const kinds: Record<string, { page: string; data: object }> = {
  ConfigMaps: { page: `${namespace}/configmaps`, data: { text: 'x'.repeat(1_000_000) } },
  'sealed Secrets': { page: `${namespace}/secrets`, data: { text: btoa('x'.repeat(750_000)) } },
};
export const names = Object.keys(kinds).flatMap((kind) => Object.keys(cases).map((name) => `${kind} ${name}`));

async function run(kind: string, { page, data }: { page: string; data: object }): Promise<void> {
  const sql = limitedSql();
  const clock = new TestTimers();
  const config = defaultClusterConfig;
  const sealed = sealing(['k'], (collection) => collection !== 'secrets');
  const ledger = createLedger({ sql, clock, config, sealing: sealed });
  const { server, call } = await testServer(sql, { ledger });
  for (let n = 0; n < count; n++) await call('POST', page, { metadata: { name: `c${n}`, labels: { app: 'x' } }, data });
  for (const [name, { query = '', accept = 'application/json', method = 'GET' }] of Object.entries(cases)) {
    const response = await server.fetch(
      new Request(`https://cluster.test${page}${query}`, {
        method,
        headers: { authorization: `Bearer ${adminToken}`, accept },
      }),
    );
    let bytes = 0;
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    console.log(JSON.stringify({ name: `${kind} ${name}`, code: response.status, bytes }));
  }
}

if (import.meta.main) for (const [kind, one] of Object.entries(kinds)) await run(kind, one);
