// RequestLimits: how much of the API server one client may take, beside what API Priority and Fairness gives him. Upstream has
// no such kind; its defaults are far above what clients do that mean well.
import type { FieldError } from '../machinery/errors.ts';
import type { Rate } from '../machinery/token-bucket.ts';
import { Fields } from './fields.ts';

export interface RequestLimits {
  /** Open at once: of one user, and of all. */
  readonly watches: { readonly perUser: number; readonly total: number };
  /** Credentials that are good for nothing, from one address. */
  readonly failedAuthentication: Rate;
  /** Requests of one user; absent: fairness alone. */
  readonly perUser?: Rate;
}

export const defaultRequestLimits: RequestLimits = {
  watches: { perUser: 2_000, total: 10_000 },
  failedAuthentication: { qps: 20, burst: 200 },
};

const most = 1_000_000;

export const requestLimits = {
  key: 'limits',
  group: 'tiffin.dev',
  versions: ['v1'],
  kind: 'RequestLimits',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): RequestLimits {
    const known = ['apiVersion', 'kind', 'watches', 'failedAuthentication', 'perUser'];
    const fields = new Fields(document, '', known, problems);
    const watches = fields.child('watches', ['perUser', 'total']);
    const defaults = defaultRequestLimits;
    return {
      watches: {
        perUser: watches.integer('perUser', defaults.watches.perUser, 1, most),
        total: watches.integer('total', defaults.watches.total, 1, most),
      },
      failedAuthentication: readRate(fields, 'failedAuthentication', defaults.failedAuthentication),
      ...(fields.has('perUser') ? { perUser: readRate(fields, 'perUser', { qps: 50, burst: 100 }) } : {}),
    };
  },
} as const;

function readRate(parent: Fields, field: string, absent: Rate): Rate {
  const fields = parent.child(field, ['qps', 'burst']);
  return {
    qps: fields.integer('qps', absent.qps, 1, most),
    burst: fields.integer('burst', absent.burst, 1, most),
  };
}
