// What /debug/api_priority_and_fairness tells: tables of priority levels, of queues and of requests, as comma-separated,
// aligned text.
import { apiVersion } from '../../machinery/meta.ts';
import type { Level } from './level.ts';
import type { Queue, Ticket } from './queue-set.ts';

const prefix = '/debug/api_priority_and_fairness/';
const cellMin = 8;
/** Of a level with more queues, only those in use are shown beyond. */
const queuesShown = 1_000;

/** Undefined: not one of these pages. */
export function dump(levels: Iterable<Level>, path: string, query: URLSearchParams): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const sorted = [...levels].sort((a, b) => (a.name < b.name ? -1 : 1));
  switch (path.slice(prefix.length)) {
    case 'dump_priority_levels':
      return table(levelHeads, sorted.map(levelRow));
    case 'dump_queues':
      return table(queueHeads, sorted.flatMap(queueRows));
    case 'dump_requests': {
      const details = (query.get('includeRequestDetails') ?? '') !== '';
      const heads = details ? [...requestHeads, ...detailHeads] : requestHeads;
      return table(
        heads,
        sorted.flatMap((level) => requestRows(level, details)),
      );
    }
    default:
      return undefined;
  }
}

const levelHeads = [
  'PriorityLevelName',
  'ActiveQueues',
  'IsIdle',
  'IsQuiescing',
  'WaitingRequests',
  'ExecutingRequests',
  'DispatchedRequests',
  'RejectedRequests',
  'TimedoutRequests',
  'CancelledRequests',
];

function levelRow({ name, quiescing, queues }: Level): string[] {
  const active = [...queues.queues.values()].filter(({ waiting }) => waiting.size > 0).length;
  const { idle, waiting, executing, dispatched, rejected, timedOut, cancelled } = queues;
  return [name, active, idle, quiescing, waiting, executing, dispatched, rejected, timedOut, cancelled].map(String);
}

const queueHeads = [
  'PriorityLevelName',
  'Index',
  'PendingRequests',
  'ExecutingRequests',
  'SeatsInUse',
  'NextDispatchR',
  'InitialSeatsSum',
  'MaxSeatsSum',
  'TotalWorkSum',
];

function queueRows(level: Level): string[][] {
  const { queues } = level.queues;
  const shown = Math.min(level.queueCount, queuesShown);
  const indexes = new Set([...Array(shown).keys(), ...queues.keys()]);
  return [...indexes].sort((a, b) => a - b).map((index) => queueRow(level.name, index, queues.get(index)));
}

function queueRow(name: string, index: number, queue: Queue | undefined): string[] {
  if (!queue) return [name, String(index), '0', '0', '0', seatSeconds(0), '0', '0', seatSeconds(0)];
  const { waiting, executing, seatsInUse, nextR, waitingSeats, waitingWork } = queue;
  const initial = [...waiting].reduce((sum, { work }) => sum + work.seats, 0);
  return [
    name,
    ...[index, waiting.size, executing.size, seatsInUse].map(String),
    seatSeconds(nextR),
    String(initial),
    String(waitingSeats),
    seatSeconds(waitingWork),
  ];
}

const requestHeads = [
  'PriorityLevelName',
  'FlowSchemaName',
  'QueueIndex',
  'RequestIndexInQueue',
  'FlowDistingsher',
  'ArriveTime',
  'InitialSeats',
  'FinalSeats',
  'AdditionalLatency',
  'StartTime',
];
const detailHeads = ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource'];

function requestRows({ name, queues }: Level, details: boolean): string[][] {
  const row = (queue: number, place: number, ticket: Ticket) => requestRow(name, queue, place, ticket, details);
  return [
    ...[...queues.queues.values()]
      .sort((a, b) => a.index - b.index)
      .flatMap(({ index, waiting, executing }) => [
        ...[...waiting].map((ticket, place) => row(index, place, ticket)),
        ...[...executing].map((ticket) => row(index, -1, ticket)),
      ]),
    ...[...queues.unqueued].map((ticket) => row(-1, -1, ticket)),
  ];
}

function requestRow(level: string, queue: number, place: number, ticket: Ticket, details: boolean): string[] {
  const { schema, distinguisher, arrivedMs, startedMs, work, user, info } = ticket;
  const cells = [level, schema, String(queue), String(place), distinguisher, instant(arrivedMs)];
  cells.push(String(work.seats), String(work.finalSeats), `${work.finalMs}ms`, instant(startedMs));
  if (details) {
    const { verb, path, namespace, name, resource, subresource, isResource } = info;
    const version = isResource ? apiVersion(info) : '';
    cells.push(user.name, verb, path, namespace, name, version, resource, subresource);
  }
  return cells;
}

/** Go's zero time for what has not begun. */
const instant = (ms: number): string => (ms === 0 ? '0001-01-01T00:00:00Z' : new Date(ms).toISOString());

const seatSeconds = (seatMs: number): string => `${(seatMs / 1000).toFixed(8)}ss`;

/** Columns as wide as their widest cell, as Go's tabwriter aligns them. */
function table(heads: readonly string[], rows: readonly string[][]): string {
  const lines = [heads, ...rows].map((cells) => cells.map((cell, i) => (i < cells.length - 1 ? `${cell},` : cell)));
  const widths = heads.map((_, i) =>
    Math.max(
      cellMin,
      lines.reduce((widest, cells) => Math.max(widest, (cells[i] as string).length + 1), 0),
    ),
  );
  return lines
    .map((cells) => cells.map((cell, i) => (i < cells.length - 1 ? cell.padEnd(widths[i] as number) : cell)).join(''))
    .map((line) => `${line}\n`)
    .join('');
}
