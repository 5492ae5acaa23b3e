// Where audit events can go from here: lines of Workers Logs, objects of a bucket; of a local cluster, files in a folder of
// their own. A disk takes whole files alone, so that one is written anew as it grows, and followed by another once it is
// large; which of them are kept the supervisor sees to.
import type { AuditOutlets } from '../../src/apiserver/audit/sink.ts';
import type { Env } from '../env.ts';
import { workerTimers } from './ambient.ts';

const fileUnitsMax = 1024 * 1024;

export function auditOutlets(
  { AUDIT_FILES: files, AUDIT_BUCKET: bucket }: Pick<Env, 'AUDIT_FILES' | 'AUDIT_BUCKET'>,
  waitUntil: AuditOutlets['waitUntil'],
): AuditOutlets {
  return {
    waitUntil,
    ...(files ? { append: growingFile(files) } : { line: (event: string) => console.log(event) }),
    ...(bucket ? { put: async (key, text) => void (await bucket.put(key, text)) } : {}),
  };
}

/** Nobody calls it again before it is done. */
function growingFile(disk: Fetcher): (events: readonly string[]) => Promise<void> {
  let name = '';
  let text = '';
  return async (events) => {
    if (name === '' || text.length > fileUnitsMax) {
      name = `${new Date(workerTimers.now()).toISOString().replaceAll(':', '-')}.jsonl`;
      text = '';
    }
    const longer = text + events.map((event) => `${event}\n`).join('');
    const { ok, status } = await disk.fetch(`http://disk/${name}`, { method: 'PUT', body: longer });
    if (!ok) throw new Error(`status ${status}`);
    text = longer;
  };
}
