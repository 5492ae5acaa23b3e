// One watch as a stream of JSON lines. It is pulled: first the rows present at its start (when asked for), then history,
// then live changes. While the client does not read, live changes are not buffered: the watch falls back to its cursor and
// replays from the ledger, so its memory is bounded; if the cursor has been compacted by then, it ends with 410.
import { type Change, CompactedError, type KeyRange, type Ledger } from '../../ledger/types.ts';
import { errors, toStatus } from '../../machinery/errors.ts';
import { apiVersion, groupResource } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import type { Clock } from '../../ports/index.ts';
import { matchesEntry, type RowSelector } from '../rest/select.ts';
import { columnsText, type Form, formText } from '../storage/forms.ts';
import { storedResource } from '../storage/read.ts';
import { eventLine, eventText, eventType } from './events.ts';
import type { Watcher, WatchHub } from './hub.ts';

export interface WatchRequest {
  definition: AnyResource;
  range: KeyRange;
  selector: RowSelector;
  form: Form;
  /** Changes after this revision. */
  after: number;
  /** Send what is present first, as ADDED. */
  initial: boolean;
  /** End the initial events with an annotated bookmark (WatchList). */
  initialBookmark: boolean;
  bookmarks: boolean;
  /** Instant at which it ends. */
  endsAtMs: number;
}

const pageRows = 500;
const bufferBytesMax = 1024 * 1024;
const keepAliveMs = 5_000;
const bookmarkMs = 60_000;

export class WatchStream implements Watcher {
  readonly resource: string;
  readonly stream: ReadableStream<Uint8Array>;
  readonly #hub: WatchHub;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #request: WatchRequest;
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #phase: 'initial' | 'replay' | 'live' | 'ended';
  /** Everything up to here has been sent. */
  #cursor: number;
  #initialAfter: string | undefined;
  #headersSent = false;
  #lastSentMs: number;
  #lastBookmarkMs: number;

  constructor(hub: WatchHub, ledger: Ledger, clock: Clock, request: WatchRequest) {
    this.#hub = hub;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#request = request;
    this.#cursor = request.after;
    this.#phase = request.initial ? 'initial' : 'replay';
    this.#lastSentMs = clock.now();
    this.#lastBookmarkMs = clock.now();
    this.resource = groupResource(storedResource(request.definition));
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          hub.add(this);
        },
        pull: () => this.#fill(),
        cancel: () => this.#stop(),
      },
      { highWaterMark: bufferBytesMax, size: (chunk) => chunk.byteLength },
    );
  }

  changed(changes: readonly Change[], revision: number): void {
    if (this.#phase !== 'live') return;
    if ((this.#controller.desiredSize ?? 0) <= 0) {
      this.#phase = 'replay';
      return;
    }
    this.#send(this.#texts(changes));
    this.#cursor = Math.max(this.#cursor, revision);
  }

  tick(nowMs: number): void {
    if (this.#phase === 'ended') return;
    if (nowMs >= this.#request.endsAtMs) {
      this.#end();
      return;
    }
    if (this.#phase !== 'live' || (this.#controller.desiredSize ?? 0) <= 0) return;
    if (this.#request.bookmarks && nowMs - this.#lastBookmarkMs >= bookmarkMs) {
      this.#lastBookmarkMs = nowMs;
      this.#cursor = Math.max(this.#cursor, this.#ledger.revision);
      this.#send(this.#bookmark(false));
    } else if (nowMs - this.#lastSentMs >= keepAliveMs) this.#send('\n');
  }

  /** Sends until the buffer is full or there is nothing more than what will come live. */
  #fill(): void {
    try {
      while ((this.#controller.desiredSize ?? 0) > 0) {
        if (this.#phase === 'initial') this.#initialPage();
        else if (this.#phase === 'replay') this.#replayPage();
        else return;
      }
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      this.#fail(error.compactedRevision);
    }
  }

  #initialPage(): void {
    const { range, selector, definition, form, initialBookmark, after } = this.#request;
    const page = this.#ledger.range({
      ...range,
      revision: after,
      ...(this.#initialAfter === undefined ? {} : { after: this.#initialAfter }),
      limit: pageRows,
    });
    const now = this.#clock.now();
    let text = '';
    for (const entry of page.entries) {
      if (!matchesEntry(selector, entry)) continue;
      text += eventLine('ADDED', formText(definition, entry, this.#withHeaders(form), now));
    }
    this.#initialAfter = page.entries.at(-1)?.key;
    if (!page.more) {
      this.#phase = 'replay';
      if (initialBookmark) text += this.#bookmark(true);
    }
    this.#send(text);
  }

  #replayPage(): void {
    const { changes, through } = this.#ledger.changes({
      after: this.#cursor,
      range: this.#request.range,
      limit: pageRows,
    });
    this.#send(this.#texts(changes));
    this.#cursor = through;
    if (through >= this.#ledger.revision) this.#phase = 'live';
  }

  #texts(changes: readonly Change[]): string {
    const { definition, selector, form, range } = this.#request;
    const now = this.#clock.now();
    let text = '';
    for (const change of changes) {
      if (change.revision <= this.#cursor || change.key < range.start || change.key >= range.end) continue;
      const type = eventType(selector, change);
      if (type) text += eventText(definition, change, type, this.#withHeaders(form), now);
    }
    return text;
  }

  /** The columns of a Table go with its first event only. */
  #withHeaders(form: Form): Form {
    if (form.type !== 'table') return form;
    const columns = form.columns && !this.#headersSent;
    this.#headersSent = true;
    return { ...form, columns };
  }

  #bookmark(initialEnd: boolean): string {
    const { definition, form } = this.#request;
    const metadata: Record<string, unknown> = { resourceVersion: String(this.#cursor), creationTimestamp: null };
    if (initialEnd) metadata.annotations = { 'k8s.io/initial-events-end': 'true' };
    const object = { kind: definition.kind, apiVersion: apiVersion(definition), metadata };
    if (form.type === 'object') return eventLine('BOOKMARK', JSON.stringify(object));
    const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    if (form.type === 'partial') return eventLine('BOOKMARK', JSON.stringify(partial));
    const cells = definition.columns.map(() => '');
    const { columns } = this.#withHeaders(form) as { columns: boolean };
    return eventLine(
      'BOOKMARK',
      `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":${JSON.stringify({ resourceVersion: String(this.#cursor) })},"columnDefinitions":${
        columns ? columnsText(definition) : 'null'
      },"rows":[{"cells":${JSON.stringify(cells)},"object":${JSON.stringify(partial)}}]}`,
    );
  }

  #send(text: string): void {
    if (text === '' || this.#phase === 'ended') return;
    this.#lastSentMs = this.#clock.now();
    this.#controller.enqueue(this.#encoder.encode(text));
  }

  #fail(compactedRevision: number): void {
    const error = errors.expired(`too old resource version: ${this.#cursor} (${compactedRevision})`);
    this.#send(eventLine('ERROR', JSON.stringify(toStatus(error))));
    this.#end();
  }

  #end(): void {
    if (this.#phase === 'ended') return;
    this.#stop();
    this.#controller.close();
  }

  #stop(): void {
    this.#phase = 'ended';
    this.#hub.remove(this);
  }
}
