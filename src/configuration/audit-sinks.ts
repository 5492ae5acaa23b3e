// AuditSinks: where audit events go, which upstream has as flags (--audit-log-…, --audit-webhook-…). Without any they go to
// the log: Workers Logs, or a file of its own beside the others' of a local cluster. Says nothing of what is audited (audit.ts).
import type { FieldError } from '../machinery/errors.ts';
import { invalid } from '../machinery/validation.ts';
import { Fields } from './fields.ts';
import { readServer, type Server, serverFields } from './outgoing.ts';

export interface AuditSinks {
  readonly log: boolean;
  readonly webhook?: AuditWebhook;
  readonly bucket?: AuditBucket;
  /** An event longer than this goes without its bodies. Bytes. */
  readonly eventBytesMax: number;
}

/** How events are gathered before they are sent, and how many are kept until they have been. */
export interface AuditBatches {
  readonly eventsMax: number;
  /** How long the first of a batch waits for more. */
  readonly waitMs: number;
  /** What comes while so many wait is dropped, and counted. */
  readonly bufferEventsMax: number;
}

export interface AuditWebhook extends AuditBatches {
  readonly server: Server;
  readonly initialBackoffMs: number;
}

export interface AuditBucket extends AuditBatches {
  /** Of the objects' keys. */
  readonly prefix: string;
}

export const defaultAuditSinks: AuditSinks = { log: true, eventBytesMax: 100 * 1024 };

const batchFields = ['batchMaxSize', 'batchMaxWait', 'batchBufferSize'];

export const auditSinks = {
  key: 'auditSinks',
  group: 'tiffin.dev',
  versions: ['v1'],
  kind: 'AuditSinks',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): AuditSinks {
    const known = ['apiVersion', 'kind', 'log', 'webhook', 'bucket', 'truncateMaxEventSize'];
    const fields = new Fields(document, '', known, problems);
    return {
      log: fields.flag('log', true),
      ...(fields.has('webhook') ? { webhook: readWebhook(fields) } : {}),
      ...(fields.has('bucket') ? { bucket: readBucket(fields) } : {}),
      // A line of Workers Logs may have 256 KB.
      eventBytesMax: fields.integer('truncateMaxEventSize', defaultAuditSinks.eventBytesMax, 4096, 200 * 1024),
    };
  },
} as const;

function readWebhook(parent: Fields): AuditWebhook {
  const fields = parent.child('webhook', [...serverFields, ...batchFields, 'initialBackoff']);
  const initialBackoffMs = fields.has('initialBackoff') ? fields.durationMs('initialBackoff') : 10_000;
  if (initialBackoffMs < 1 || initialBackoffMs > 60_000)
    fields.problem(invalid(fields.path('initialBackoff'), fields.text('initialBackoff'), 'must be > 0s and <= 1m'));
  return { server: readServer(fields), initialBackoffMs, ...readBatches(fields, { eventsMax: 400, waitMs: 5_000 }) };
}

function readBucket(parent: Fields): AuditBucket {
  const fields = parent.child('bucket', ['prefix', ...batchFields]);
  const prefix = fields.has('prefix') ? fields.text('prefix') : 'audit/';
  if (prefix.length > 512) fields.problem(invalid(fields.path('prefix'), prefix, 'may have 512 characters'));
  return { prefix, ...readBatches(fields, { eventsMax: 4_000, waitMs: 60_000 }) };
}

function readBatches(fields: Fields, { eventsMax, waitMs }: Pick<AuditBatches, 'eventsMax' | 'waitMs'>): AuditBatches {
  const wait = fields.has('batchMaxWait') ? fields.durationMs('batchMaxWait') : waitMs;
  if (wait < 0 || wait > 5 * 60_000)
    fields.problem(invalid(fields.path('batchMaxWait'), fields.text('batchMaxWait'), 'must be at most 5m'));
  return {
    eventsMax: fields.integer('batchMaxSize', eventsMax, 1, 10_000),
    waitMs: wait,
    bufferEventsMax: fields.integer('batchBufferSize', 10_000, 1, 100_000),
  };
}
