// A list as an answer: one text when it is short; otherwise a stream that reads a page when the client has taken the one
// before. Protobuf needs all lengths first, so that form is held whole.
import type { HttpAnswer } from '../../machinery/http.ts';
import { type AnswerOptions, bodyResponse, gzipBytesMin, textResponse, yamlText } from './respond.ts';

/** Lists up to this length are one text, which costs far less than a stream. */
const wholeUnitsMax = 1024 * 1024;

export interface TextPages {
  /** What goes before the items, between which there are commas, and after them. */
  open: string;
  close: string;
  /** Items, joined with commas; never empty. */
  pages: Iterator<string>;
}

export function listResponse(list: TextPages, options: AnswerOptions): HttpAnswer {
  try {
    return answerOf(list, options);
  } catch (error) {
    list.pages.return?.();
    throw error;
  }
}

function answerOf({ open, close, pages }: TextPages, options: AnswerOptions): HttpAnswer {
  if (options.encoding === 'protobuf') {
    const parts = options.protobuf?.list(JSON.parse(open + close), pages);
    if (parts) return bodyResponse(joined(parts), 'protobuf', options);
  }
  const taken: string[] = [];
  let length = 0;
  for (let page = pages.next(); !page.done; page = pages.next()) {
    taken.push(page.value);
    length += page.value.length;
    if (length <= wholeUnitsMax) continue;
    const [encoding, written] =
      options.encoding === 'yaml' ? (['yaml', yamlChunks] as const) : (['json', chunks] as const);
    return bodyResponse(stream(written(open, taken.join(','), pages, close), pages), encoding, options);
  }
  return textResponse(open + taken.join(',') + close, options);
}

const encoder = new TextEncoder();

function* chunks(open: string, begun: string, rest: Iterator<string>, close: string): Generator<Uint8Array> {
  yield encoder.encode(open + begun);
  for (let page = rest.next(); !page.done; page = rest.next()) yield encoder.encode(`,${page.value}`);
  yield encoder.encode(`${close}\n`);
}

/** The items of a list, or the rows of a table, in the place where a list without any has `[]`. */
function* yamlChunks(open: string, begun: string, rest: Iterator<string>, close: string): Generator<Uint8Array> {
  const items = (page: string) => yamlText(JSON.parse(`[${page}]`));
  const [, before, key, after] = /^([\s\S]*?^)(items|rows): \[\]\n([\s\S]*)$/m.exec(
    yamlText(JSON.parse(open + close)),
  ) as string[];
  yield encoder.encode(`${before}${key}:\n${items(begun)}`);
  for (let page = rest.next(); !page.done; page = rest.next()) yield encoder.encode(items(page.value));
  yield encoder.encode(after);
}

/** Reads on only when what it has is taken; `pages` end with it. */
function stream(source: Generator<Uint8Array>, pages?: Iterator<string>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        try {
          const next = source.next();
          if (next.done) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          pages?.return?.();
          throw error;
        }
      },
      cancel() {
        source.return(undefined);
        pages?.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The parts as one body; of a long one each is let go when it has been taken. */
function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > gzipBytesMin) return stream(emptied(parts));
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function* emptied(parts: Uint8Array[]): Generator<Uint8Array> {
  for (let part = parts.shift(); part; part = parts.shift()) yield part;
}
