// From ledger changes to watch events. The text of an event and the parsed side column are made once per change and form,
// however many watches want them.
import type { Change } from '../../ledger/types.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { watchFrame } from '../../machinery/schema/protobuf-writer.ts';
import type { ProtobufAnswers } from '../negotiation/protobuf.ts';
import { matchesRow, type RowSelector } from '../rest/select.ts';
import { parseSide, revised, type Side } from '../storage/codec.ts';
import { type Form, formText } from '../storage/forms.ts';
import type { WatchRequest } from './watch.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

interface Parsed {
  side?: Side;
  previous?: Side;
  texts: Map<string, string>;
}

/** UTF-16 units of texts held at most: changes live on where watches that are behind find them. */
const textUnitsMax = 4_000_000;
let parsed = new WeakMap<Change, Parsed>();
let textUnits = 0;

function of(change: Change): Parsed {
  let known = parsed.get(change);
  if (!known) {
    known = { texts: new Map() };
    parsed.set(change, known);
  }
  return known;
}

/** What this change is to a watch with this selector: a row may enter or leave the selection. */
export function eventType(selector: RowSelector, change: Change): 'ADDED' | 'MODIFIED' | 'DELETED' | undefined {
  const { previous } = change;
  if (selector.everything) {
    if (change.type === 'delete') return 'DELETED';
    return previous ? 'MODIFIED' : 'ADDED';
  }
  const known = of(change);
  let before = false;
  if (previous) {
    known.previous ??= parseSide(previous.side);
    before = matchesRow(selector, change.key, known.previous);
  }
  if (change.type === 'delete') return before ? 'DELETED' : undefined;
  known.side ??= parseSide(change.side);
  const after = matchesRow(selector, change.key, known.side);
  if (after) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : undefined;
}

function formKey(form: Form): string {
  if (form.type === 'object') return form.type;
  return `${form.type}${form.version}${form.type === 'table' ? `${form.includeObject}${form.columns}` : ''}`;
}

/** One line of the stream. */
export function eventText(
  definition: AnyResource,
  change: Change,
  type: 'ADDED' | 'MODIFIED' | 'DELETED',
  form: Form,
  nowMs: number,
): string {
  const { texts } = of(change);
  const key = `${type}/${definition.group}/${definition.version}/${formKey(form)}`;
  let text = texts.get(key);
  if (text === undefined) {
    // A row that left the selection is sent as it was, at the revision of the write that moved it.
    const left = type === 'DELETED' && change.type === 'put' && change.previous;
    const row = left ? revised(left, change.revision) : change;
    text = eventLine(type, formText(definition, row, form, nowMs));
    if (textUnits + text.length > textUnitsMax) {
      parsed = new WeakMap();
      textUnits = 0;
    }
    textUnits += text.length;
    of(change).texts.set(key, text);
  }
  return text;
}

export function eventLine(type: EventType, objectText: string): string {
  return `{"type":"${type}","object":${objectText}}\n`;
}

// The last lines and their frames: what many watches send at once is made once.
const frameBytesMax = 2 * 1024 * 1024;
const frames = new Map<string, Uint8Array>();
let frameBytes = 0;

/** A line as a protobuf frame, which is not to be changed. */
export function eventFrame(protobuf: ProtobufAnswers, line: string): Uint8Array {
  const known = frames.get(line);
  if (known) return known;
  const { type, object } = JSON.parse(line) as { type: EventType; object: Record<string, unknown> };
  const bytes = protobuf.object(object);
  if (!bytes) throw new Error(`no protobuf form of ${object.kind}`);
  const frame = watchFrame(type, bytes);
  if (frameBytes + frame.length > frameBytesMax) {
    frames.clear();
    frameBytes = 0;
  }
  frames.set(line, frame);
  frameBytes += frame.length;
  return frame;
}

const encoder = new TextEncoder();
const batches = new WeakMap<readonly Change[], Map<string, Uint8Array>>();

export const eventBytes = (lines: readonly string[]): Uint8Array => encoder.encode(lines.join(''));

/** What watches alike send of a batch of changes, made once and held once; not to be changed. `key`: what makes them alike. */
export function sharedBytes(changes: readonly Change[], key: string, lines: () => string[]): Uint8Array {
  const known = batches.get(changes) ?? new Map<string, Uint8Array>();
  batches.set(changes, known);
  const bytes = known.get(key) ?? eventBytes(lines());
  known.set(key, bytes);
  return bytes;
}

/** Watches of the same key send the same of any batch of changes. Undefined: this one is like no other. */
export function likeness({ definition, form, range, selector, protobuf }: WatchRequest): string | undefined {
  if (protobuf || form.type === 'table' || !selector.everything) return undefined;
  return `${definition.group}/${definition.version}/${formKey(form)}/${range.start}/${range.end}`;
}
