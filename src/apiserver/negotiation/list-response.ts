// A list as an answer: one text when it is short; otherwise a stream that reads a page when the client has taken the one
// before, and holds nothing else. Protobuf needs its length first, so a long list is read twice in that form: once to be
// measured, and once, as it was at the same revision, to be sent.
import type { HttpAnswer } from '../../machinery/http.ts';
import type { ProtobufList } from './protobuf.ts';
import { type AnswerOptions, bodyResponse, textResponse, yamlText } from './respond.ts';

/** Lists up to this length are one text, which costs far less than a stream. */
export const wholeUnitsMax = 1024 * 1024;

export interface TextPages {
  /** What goes before the items, between which there are commas, and after them. */
  open: string;
  close: string;
  /** It is likely to be too long for one text. */
  long?: boolean;
  /** Items, joined with commas; never empty. */
  pages: Iterator<string>;
  /** The same items once more, perhaps in smaller pages. */
  again(): Iterator<string>;
}

/** Who is to know of an answer that is sent in pieces. */
export interface Reading {
  /** A piece was asked for. */
  goesOn(): void;
  /** The last piece has been taken, or none will be any more. */
  over(): void;
}

/** `reading` is called for long lists only; `abandon` ends the answer before its end. */
export function listResponse(
  list: TextPages,
  options: AnswerOptions,
  reading?: (abandon: () => void) => Reading,
): HttpAnswer {
  const { open, close, pages } = list;
  const streamed = (source: Iterator<Uint8Array>) => stream(source, reading);
  if (options.encoding === 'protobuf') {
    const form = options.protobuf?.list(JSON.parse(open + close));
    if (form) return bodyResponse(protobufBody(list, form, streamed), 'protobuf', options);
  }
  const taken: string[] = [];
  let length = 0;
  for (let page = pages.next(); !page.done; page = pages.next()) {
    taken.push(page.value);
    length += page.value.length;
    if (length <= (list.long ? 0 : wholeUnitsMax)) continue;
    const [encoding, chunks] =
      options.encoding === 'yaml' ? (['yaml', yamlChunks] as const) : (['json', jsonChunks] as const);
    return bodyResponse(streamed(chunks(open, continued(taken, pages), close)), encoding, options);
  }
  return textResponse(open + taken.join(',') + close, options);
}

/** All pages, where they are short together; undefined: they are not, and have been read in part. */
export function takeShort(pages: Iterator<string>): string[] | undefined {
  const taken: string[] = [];
  let length = 0;
  for (let page = pages.next(); !page.done; page = pages.next()) {
    taken.push(page.value);
    length += page.value.length;
    if (length > wholeUnitsMax) return undefined;
  }
  return taken;
}

/** What was taken, which is let go as it is taken again, and what follows. */
function* continued(taken: string[], rest: Iterator<string>): Generator<string> {
  for (let page = taken.shift(); page !== undefined; page = taken.shift()) yield page;
  for (let page = rest.next(); !page.done; page = rest.next()) yield page.value;
}

const encoder = new TextEncoder();

function* jsonChunks(open: string, pages: Iterable<string>, close: string): Generator<Uint8Array> {
  let before = open;
  for (const page of pages) {
    yield encoder.encode(before + page);
    before = ',';
  }
  yield encoder.encode(`${close}\n`);
}

/** The items of a list, or the rows of a table, in the place where a list without any has `[]`. */
function* yamlChunks(open: string, pages: Iterable<string>, close: string): Generator<Uint8Array> {
  const [, before, key, after] = /^([\s\S]*?^)(items|rows): \[\]\n([\s\S]*)$/m.exec(
    yamlText(JSON.parse(open + close)),
  ) as string[];
  yield encoder.encode(`${before}${key}:\n`);
  for (const page of pages) yield encoder.encode(yamlText(JSON.parse(`[${page}]`)));
  yield encoder.encode(after);
}

type Bytes = Uint8Array<ArrayBuffer>;

function protobufBody(
  { pages, again }: TextPages,
  form: ProtobufList,
  streamed: (source: Iterator<Uint8Array>) => ReadableStream<Uint8Array>,
): Bytes | ReadableStream<Uint8Array> {
  let parts: Bytes[] = [form.metadata];
  let { length } = form.metadata;
  for (let page = pages.next(); !page.done; page = pages.next()) {
    if (length > wholeUnitsMax) {
      length += form.itemsLength(page.value);
      continue;
    }
    const part = form.items(page.value);
    parts.push(part);
    length += part.length;
    if (length > wholeUnitsMax) parts = [];
  }
  const { before, after } = form.frame(length);
  if (length <= wholeUnitsMax) return joined([before, ...parts, after]);
  return streamed(protobufChunks(form, length, again()));
}

function* protobufChunks(form: ProtobufList, length: number, pages: Iterator<string>): Generator<Uint8Array> {
  const { before, after } = form.frame(length);
  let written = form.metadata.length;
  yield joined([before, form.metadata]);
  for (let page = pages.next(); !page.done; page = pages.next()) {
    const part = form.items(page.value);
    written += part.length;
    yield part;
  }
  if (written !== length) throw new Error(`a list of ${length} bytes became ${written} when it was read again`);
  yield after;
}

function joined(parts: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Reads on only when what it has is taken. */
function stream(source: Iterator<Uint8Array>, reading?: (abandon: () => void) => Reading): ReadableStream<Uint8Array> {
  let held: Reading | undefined;
  let pieces: Iterator<Uint8Array> | undefined = source;
  // What the source holds goes with it.
  const end = () => {
    pieces = undefined;
    held?.over();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        held = reading?.(() => {
          end();
          controller.error(new Error('nobody reads on'));
        });
      },
      pull(controller) {
        held?.goesOn();
        try {
          const next = pieces?.next();
          if (next && !next.done) controller.enqueue(next.value);
          else {
            end();
            controller.close();
          }
        } catch (error) {
          end();
          throw error;
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}
