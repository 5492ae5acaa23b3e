// One watch as a stream of JSON lines, or of protobuf frames. It is pulled: first the rows present at its start (when asked for), then history,
// then live changes. While the client does not read, live changes are not buffered: the watch falls back to its cursor and
// replays from the ledger, so its memory is bounded; if the cursor has been compacted by then, it ends with 410.
import { type Change, CompactedError, type KeyRange, type Ledger } from '../../ledger/types.ts';
import { type ApiError, errors, toStatus } from '../../machinery/errors.ts';
import { groupResource, type KubeObject } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import type { Clock } from '../../ports/index.ts';
import type { Reading } from '../negotiation/list-response.ts';
import type { ProtobufAnswers } from '../negotiation/protobuf.ts';
import { tooLargeRevision } from '../rest/revision.ts';
import { matchesEntry, type RowSelector } from '../rest/select.ts';
import { type Form, formText } from '../storage/forms.ts';
import { storedResource } from '../storage/read.ts';
import { eventBytes, eventFrame, eventLine, eventText, eventType, likeness, sharedBytes } from './events.ts';
import type { Watcher, WatchHub } from './hub.ts';

export interface WatchRequest {
  /** The name of the user who watches. */
  owner: string;
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
  /** A revision that was asked for and does not exist yet: the one event is an error. */
  tooLarge?: number;
  /** An object without any content, for bookmarks. */
  empty(): KubeObject;
  /** Called as the initial events begin, if there are any; told until they have been sent, or will not be. */
  reading?(abandon: () => void): Reading;
  /** Absent: JSON. */
  protobuf?: ProtobufAnswers;
}

const pageRows = 500;
const pageBytesMax = 512 * 1024;
const bufferBytesMax = 512 * 1024;
/** The runtime copies a chunk for its way out: of a large text that many watches send, little at a time. */
const chunkBytesMax = 32 * 1024;
const keepAliveMs = 5_000;
const bookmarkMs = 60_000;
/** How long before its end a watch sends its last bookmark. */
const lastBookmarkMs = 2_000;

export class WatchStream implements Watcher {
  readonly resource: string;
  readonly owner: string;
  readonly stream: ReadableStream<Uint8Array>;
  readonly #hub: WatchHub;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #request: WatchRequest;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #phase: 'initial' | 'replay' | 'live' | 'ended';
  /** Everything up to here has been sent. */
  #cursor: number;
  #initialAfter: string | undefined;
  /** As many rows as a page may have, judging by the last. */
  #initialRows = pageRows;
  readonly #likeness: string | undefined;
  readonly #reading: Reading | undefined;
  #headersSent = false;
  /** Has the stream ask for more, as soon as there is room. */
  #pulledAgain: (() => void) | undefined;
  #lastSentMs: number;
  #nextBookmarkMs: number;

  constructor(hub: WatchHub, ledger: Ledger, clock: Clock, request: WatchRequest) {
    this.#hub = hub;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#request = request;
    this.owner = request.owner;
    this.#cursor = request.after;
    this.#likeness = likeness(request);
    this.#reading = request.initial ? request.reading?.(() => this.#end()) : undefined;
    this.#phase = request.initial ? 'initial' : 'replay';
    this.#lastSentMs = clock.now();
    this.#nextBookmarkMs = this.#bookmarkAfter(clock.now());
    this.resource = groupResource(storedResource(request.definition));
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          hub.add(this);
        },
        pull: () => this.#pull(),
        cancel: () => this.#stop(),
      },
      { highWaterMark: bufferBytesMax, size: (chunk) => chunk.byteLength },
    );
  }

  changed(changes: readonly Change[], revision: number): void {
    if (this.#phase !== 'live') return;
    if ((this.#controller.desiredSize ?? 0) <= 0) {
      this.#phase = 'replay';
      this.#pulledAgain?.();
      return;
    }
    const bytes = this.#shared(changes);
    if (!bytes) this.#send(this.#texts(changes));
    else if (bytes.length > 0) this.#sendBytes(bytes);
    this.#cursor = Math.max(this.#cursor, revision);
  }

  tick(nowMs: number): void {
    if (this.#phase === 'ended') return;
    if (nowMs >= this.#request.endsAtMs) {
      this.#end();
      return;
    }
    if (this.#phase !== 'live' || (this.#controller.desiredSize ?? 0) <= 0) return;
    if (this.#request.bookmarks && nowMs >= this.#nextBookmarkMs) {
      this.#nextBookmarkMs = this.#bookmarkAfter(nowMs);
      this.#cursor = Math.max(this.#cursor, this.#ledger.revision);
      this.#send([this.#bookmark(false)]);
    } else if (nowMs - this.#lastSentMs >= keepAliveMs && !this.#request.protobuf) this.#send(['\n']);
  }

  get dueMs(): number {
    const { endsAtMs, bookmarks } = this.#request;
    return bookmarks ? Math.min(endsAtMs, this.#nextBookmarkMs) : endsAtMs;
  }

  /** Each minute, and shortly before the end. */
  #bookmarkAfter(nowMs: number): number {
    const last = this.#request.endsAtMs - lastBookmarkMs;
    const next = nowMs + bookmarkMs;
    if (last >= next) return next;
    return last > nowMs ? last : Number.POSITIVE_INFINITY;
  }

  /** While live, the stream need not ask after each event: it asks again once this one is answered. */
  #pull(): Promise<void> | undefined {
    this.#fill();
    if (this.#phase !== 'live') return undefined;
    return new Promise((resolve) => {
      this.#pulledAgain = resolve;
    });
  }

  /** Sends until the buffer is full or there is nothing more than what will come live. */
  #fill(): void {
    const { tooLarge } = this.#request;
    if (tooLarge !== undefined) {
      this.#fail(tooLargeRevision(tooLarge, this.#ledger.revision));
      return;
    }
    try {
      while ((this.#controller.desiredSize ?? 0) > 0) {
        if (this.#phase === 'initial') this.#initialPage();
        else if (this.#phase === 'replay') this.#replayPage();
        else return;
      }
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      this.#fail(errors.expired(`too old resource version: ${this.#cursor} (${error.compactedRevision})`));
    }
  }

  #initialPage(): void {
    this.#reading?.goesOn();
    const { range, selector, definition, form, initialBookmark, after } = this.#request;
    const page = this.#ledger.range({
      ...range,
      revision: after,
      ...(this.#initialAfter === undefined ? {} : { after: this.#initialAfter }),
      limit: this.#initialRows,
      bytesMax: pageBytesMax,
    });
    const now = this.#clock.now();
    const lines: string[] = [];
    for (const entry of page.entries) {
      if (!matchesEntry(selector, entry)) continue;
      lines.push(eventLine('ADDED', formText(definition, entry, this.#withHeaders(form), now)));
    }
    this.#initialAfter = page.entries.at(-1)?.key;
    this.#initialRows = Math.min(pageRows, Math.max(1, page.entries.length * 2));
    if (!page.more) {
      this.#phase = 'replay';
      this.#reading?.over();
      if (initialBookmark) lines.push(this.#bookmark(true));
    }
    this.#send(lines);
  }

  #replayPage(): void {
    // From the future: what comes until then is not sent.
    if (this.#cursor >= this.#ledger.revision) {
      this.#phase = 'live';
      return;
    }
    const { changes, through } = this.#ledger.changes({
      after: this.#cursor,
      range: this.#request.range,
      limit: pageRows,
      bytesMax: pageBytesMax,
    });
    this.#send(this.#texts(changes));
    this.#cursor = through;
    if (through >= this.#ledger.revision) this.#phase = 'live';
  }

  #texts(changes: readonly Change[]): string[] {
    const { definition, selector, form, range } = this.#request;
    const now = this.#clock.now();
    const lines: string[] = [];
    for (const change of changes) {
      if (change.revision <= this.#cursor || change.key < range.start || change.key >= range.end) continue;
      const type = eventType(selector, change);
      if (type) lines.push(eventText(definition, change, type, this.#withHeaders(form), now));
    }
    return lines;
  }

  /** The same bytes for all watches alike, of a batch that is new as a whole. */
  #shared(changes: readonly Change[]): Uint8Array | undefined {
    if (this.#likeness === undefined || (changes[0]?.revision ?? 0) <= this.#cursor) return undefined;
    return sharedBytes(changes, this.#likeness, () => this.#texts(changes));
  }

  /** The columns of a Table go with its first event only. */
  #withHeaders(form: Form): Form {
    if (form.type !== 'table') return form;
    const columns = form.columns && !this.#headersSent;
    this.#headersSent = true;
    return { ...form, columns };
  }

  /** An object of the kind with a revision and nothing else, in the form of the watch. */
  #bookmark(initialEnd: boolean): string {
    const { definition, form, empty } = this.#request;
    const { kind, apiVersion, metadata: _none, ...rest } = empty();
    const metadata = {
      resourceVersion: String(this.#cursor),
      ...(initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    if (form.type === 'object') return eventLine('BOOKMARK', JSON.stringify({ kind, apiVersion, metadata, ...rest }));
    const text = `"metadata":${JSON.stringify(metadata)}`;
    const cells = definition.columns.map(() => '');
    // The annotation is worth nothing where it is not seen.
    const shown: Form =
      form.type === 'table' && initialEnd && form.includeObject === 'None'
        ? { ...form, includeObject: 'Metadata' }
        : form;
    const row = { value: `${text}}`, side: JSON.stringify({ m: text.length, c: cells }) };
    return eventLine('BOOKMARK', formText(definition, row, this.#withHeaders(shown), this.#clock.now()));
  }

  #send(lines: readonly string[]): void {
    if (lines.length === 0 || this.#phase === 'ended') return;
    const { protobuf } = this.#request;
    if (protobuf) for (const line of lines) this.#sendBytes(eventFrame(protobuf, line));
    else this.#sendBytes(eventBytes(lines));
  }

  #sendBytes(bytes: Uint8Array): void {
    this.#lastSentMs = this.#clock.now();
    for (let at = 0; at < bytes.length; at += chunkBytesMax)
      this.#controller.enqueue(bytes.subarray(at, at + chunkBytesMax));
  }

  hangUp(): void {
    this.#end();
  }

  #fail(error: ApiError): void {
    this.#send([eventLine('ERROR', JSON.stringify(toStatus(error)))]);
    this.#end();
  }

  #end(): void {
    if (this.#phase === 'ended') return;
    this.#stop();
    this.#controller.close();
  }

  #stop(): void {
    this.#phase = 'ended';
    this.#pulledAgain?.();
    this.#reading?.over();
    this.#hub.remove(this);
  }
}
