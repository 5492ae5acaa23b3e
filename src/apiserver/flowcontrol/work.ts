// How much work a request is, in seats: what it takes while it is served, and what its watchers take afterwards. A request
// is one seat, but for lists (by the bytes that they move) and writes that many watch.
import { isTrue, type RequestInfo } from '../routing.ts';

export interface Work {
  /** Seats while the request is served. */
  seats: number;
  /** Seats while its watchers are told, and for how long. */
  finalSeats: number;
  finalMs: number;
}

export interface Stored {
  count: number;
  averageBytes: number;
}

export interface WorkFacts {
  /** What is stored of a resource; undefined: nothing is known of it. */
  stored(group: string, resource: string): Stored | undefined;
  /** Open watches of a resource that may hear of a change there. */
  watchers(group: string, resource: string): number;
}

export const mutatingSeatsMax = 10;
export const listSeatsMax = 100;
const bytesPerSeat = 100_000;
/** Lists are streamed: more than this is never in memory at once. */
const listBytesMax = 1_000_000;
const watchersPerSeat = 10;
const eventMs = 5;

export const oneSeat: Work = { seats: 1, finalSeats: 0, finalMs: 0 };

export const maxSeats = ({ seats, finalSeats }: Work): number => Math.max(seats, finalSeats);

/** `seatsMax`: what one request of its priority level may take. */
export function estimate(info: RequestInfo, query: URLSearchParams, seatsMax: number, facts: WorkFacts): Work {
  switch (info.verb) {
    case 'list':
    case 'watch':
      return info.isResource ? listWork(info, query, Math.min(seatsMax, listSeatsMax), facts) : oneSeat;
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
      return info.isResource ? writeWork(info, Math.min(seatsMax, mutatingSeatsMax), facts) : oneSeat;
    default:
      return oneSeat;
  }
}

function listWork(info: RequestInfo, query: URLSearchParams, seatsMax: number, facts: WorkFacts): Work {
  if (info.verb === 'watch' && !sendsInitialEvents(query)) return oneSeat;
  const stored = facts.stored(info.group, info.resource);
  if (!stored) return oneSeat;
  const limit = Number(query.get('limit'));
  const count = info.name !== '' ? 1 : limit > 0 ? Math.min(limit, stored.count) : stored.count;
  const seats = Math.ceil(Math.min(count * stored.averageBytes, listBytesMax) / bytesPerSeat);
  return seats <= 1 ? oneSeat : { ...oneSeat, seats: Math.min(seats, seatsMax) };
}

/** Watches begin with what is there when asked to, and of old when they name no revision. */
function sendsInitialEvents(query: URLSearchParams): boolean {
  const revision = query.get('resourceVersion') ?? '';
  return isTrue(query.get('sendInitialEvents')) || revision === '' || revision === '0';
}

function writeWork(info: RequestInfo, seatsMax: number, facts: WorkFacts): Work {
  if (info.resource === 'serviceaccounts' && info.subresource === 'token') return oneSeat;
  const watchers = facts.watchers(info.group, info.resource);
  if (watchers < watchersPerSeat) return oneSeat;
  // The same work on fewer seats takes longer.
  const wanted = Math.ceil(watchers / watchersPerSeat);
  const finalSeats = Math.min(wanted, seatsMax);
  return { seats: 1, finalSeats, finalMs: (eventMs * wanted) / finalSeats };
}
