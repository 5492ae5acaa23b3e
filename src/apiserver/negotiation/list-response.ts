// A list as an answer: one text when it is short; otherwise a stream that reads a page when the client has taken the one
// before. Protobuf needs all lengths first, so only that form is held whole; YAML is for human readers and is held whole too.
import { type AnswerOptions, bodyResponse, gzipBytesMin, textResponse } from './respond.ts';

export interface TextPages {
  /** What goes before the items, between which there are commas, and after them. */
  open: string;
  close: string;
  /** Items, joined with commas; never empty. */
  pages: Iterator<string>;
}

export function listResponse(list: TextPages, options: AnswerOptions): Response {
  const { open, close, pages } = list;
  if (options.encoding === 'protobuf') {
    const parts = options.protobuf?.list(JSON.parse(open + close), pages);
    if (parts) return bodyResponse(wholly(parts), 'protobuf', options);
  }
  const taken: string[] = [];
  let length = 0;
  for (let page = pages.next(); !page.done; page = pages.next()) {
    taken.push(page.value);
    length += page.value.length;
    // Long enough to be worth a stream, and a compressed one for those who want it.
    if (length > gzipBytesMin && options.encoding !== 'yaml')
      return bodyResponse(textStream(chunks(open, taken.join(','), pages, close), pages), 'json', options);
  }
  return textResponse(open + taken.join(',') + close, options);
}

function* chunks(open: string, begun: string, rest: Iterator<string>, close: string): Generator<string> {
  yield open + begun;
  for (let page = rest.next(); !page.done; page = rest.next()) yield `,${page.value}`;
  yield `${close}\n`;
}

function textStream(texts: Generator<string>, pages: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = texts.next();
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
      cancel() {
        texts.return(undefined);
        pages.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function wholly(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
