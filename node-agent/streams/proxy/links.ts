// Links of what a pod answers, made to lead through the proxy again: upstream's proxy.Transport. Redirects and links to the same
// host with an absolute path get the proxy's path in front; those to other hosts, and relative ones, stay as they are.
//
// HTML is rewritten as it streams: everything passes as it comes, but for the value of an attribute that names a link. Texts are
// Latin-1 here, one character a byte, so that no other encoding whose syntax is ASCII is damaged.
import path from 'node:path';

export interface Place {
  /** Path of the proxy, without a slash at its end. */
  prefix: string;
  /** The target as it is dialled: `10.0.0.1:80`. */
  target: string;
  /** The Host that the client asked for. */
  host: string;
}

const parts = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s;

/** Most links: an absolute path in which nothing is to be normalised. */
const simple = /^(?:\/(?![./])[^/?#\x00-\x20\x7f]*)+$/;

export function rewriteUrl(url: string, place: Place): string {
  if (simple.test(url)) return url.startsWith(place.prefix) ? url : place.prefix + url;
  if (/[\x00-\x1f\x7f]/.test(url)) return url;
  const [, scheme, host, way = '', rest = ''] = parts.exec(url) ?? [];
  if (host && host !== place.target && host !== place.host) return url;
  if (!way.startsWith('/')) return url;
  const origin = host && host === place.host ? `${scheme ? `${scheme}:` : ''}//${host}` : '';
  if (way.startsWith(place.prefix)) return origin + way + rest;
  return origin + path.posix.join(place.prefix, path.posix.normalize(way)) + rest;
}

/** Attributes with a URL, of each element. */
const linkAttributes: Record<string, readonly string[]> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};
/** Elements whose content is text up to their end tag, whatever it looks like. */
const rawTexts = new Set(['iframe', 'noembed', 'noframes', 'plaintext', 'script', 'style', 'textarea', 'title', 'xmp']);

/** Of a value that is held until it is complete; a longer one passes as it is. */
const valueUnitsMax = 16 * 1024;
const nameUnitsMax = 32;

const space = ' \n\t\r\f';
const isSpace = (c: string): boolean => space.includes(c);
const isLetter = (c: string): boolean => (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
const tagNameEnd = /[ \n\t\r\f/>]/g;
const attributeNameEnd = /[ \n\t\r\f/>=]/g;
const bareValueEnd = /[ \n\t\r\f>]/g;

/** Where `end` comes from there on; the text's length: nowhere. */
function find(text: string, end: RegExp | string, from: number): number {
  if (typeof end === 'string') {
    const at = text.indexOf(end, from);
    return at === -1 ? text.length : at;
  }
  end.lastIndex = from;
  return end.exec(text)?.index ?? text.length;
}

const longer = (name: string, more: string): string =>
  name.length < nameUnitsMax ? (name + more.slice(0, nameUnitsMax)).toLowerCase() : name;

/** Reads on from an index, and answers from where the next one does. */
type State = (this: HtmlLinks, text: string, at: number) => number;

export class HtmlLinks {
  readonly #rewrite: (url: string) => string;
  #state: State = this.#text;
  #out = '';
  /** Up to where the text is part of the output. */
  #passed = 0;
  #tag = '';
  #attribute = '';
  /** Of comments: dashes in a row. */
  #dashes = 0;
  /** How much of `</name` has been seen within raw text. */
  #matched = 0;
  #quote = '';
  /** The value so far, when it is a link. */
  #value: string | undefined;

  constructor(rewrite: (url: string) => string) {
    this.#rewrite = rewrite;
  }

  /** What can be said of the document by now. */
  write(text: string): string {
    this.#out = '';
    this.#passed = 0;
    for (let at = 0; at < text.length; ) at = this.#state(text, at);
    return this.#out + text.slice(this.#passed);
  }

  end(): string {
    const rest = this.#value ?? '';
    this.#value = undefined;
    return rest;
  }

  #text(text: string, at: number): number {
    const next = find(text, '<', at);
    if (next < text.length) this.#state = this.#open;
    return next + 1;
  }

  #open(text: string, at: number): number {
    const c = text[at]!;
    if (isLetter(c)) {
      this.#tag = '';
      this.#state = this.#tagName;
      return at;
    }
    if (c === '!') this.#state = this.#markup;
    else if (c === '/' || c === '?') this.#state = this.#skip;
    else if (c !== '<') this.#state = this.#text;
    return at + 1;
  }

  #markup(text: string, at: number): number {
    this.#dashes = 0;
    this.#state = text[at] === '-' ? this.#markupDash : this.#skip;
    return text[at] === '-' ? at + 1 : at;
  }

  #markupDash(text: string, at: number): number {
    this.#dashes = 2;
    this.#state = text[at] === '-' ? this.#comment : this.#skip;
    return text[at] === '-' ? at + 1 : at;
  }

  #comment(text: string, at: number): number {
    for (let i = at; i < text.length; i++) {
      const c = text[i];
      if (c === '>' && this.#dashes >= 2) {
        this.#state = this.#text;
        return i + 1;
      }
      this.#dashes = c === '-' ? this.#dashes + 1 : 0;
    }
    return text.length;
  }

  #skip(text: string, at: number): number {
    const end = find(text, '>', at);
    if (end < text.length) this.#state = this.#text;
    return end + 1;
  }

  #tagName(text: string, at: number): number {
    const end = find(text, tagNameEnd, at);
    this.#tag = longer(this.#tag, text.slice(at, end));
    if (end < text.length) this.#state = this.#beforeName;
    return end;
  }

  #beforeName(text: string, at: number): number {
    const c = text[at]!;
    if (c === '>') return this.#finish(at);
    if (isSpace(c) || c === '/') return at + 1;
    this.#attribute = c.toLowerCase();
    this.#state = this.#name;
    return at + 1;
  }

  #name(text: string, at: number): number {
    const end = find(text, attributeNameEnd, at);
    this.#attribute = longer(this.#attribute, text.slice(at, end));
    if (end < text.length) this.#state = this.#afterName;
    return end;
  }

  #afterName(text: string, at: number): number {
    const c = text[at]!;
    if (isSpace(c)) return at + 1;
    this.#state = c === '=' ? this.#beforeValue : this.#beforeName;
    return c === '=' ? at + 1 : at;
  }

  #beforeValue(text: string, at: number): number {
    const c = text[at]!;
    if (isSpace(c)) return at + 1;
    if (c === '>') return this.#finish(at);
    this.#state = this.#inValue;
    this.#quote = c === '"' || c === "'" ? c : '';
    const start = this.#quote ? at + 1 : at;
    if (Object.hasOwn(linkAttributes, this.#tag) && linkAttributes[this.#tag]!.includes(this.#attribute)) {
      this.#value = '';
      this.#out += text.slice(this.#passed, start);
      this.#passed = start;
    }
    return start;
  }

  #inValue(text: string, at: number): number {
    const end = find(text, this.#quote || bareValueEnd, at);
    const ended = end < text.length;
    if (this.#value !== undefined) {
      this.#value += text.slice(at, end);
      this.#passed = end;
      if (ended || this.#value.length > valueUnitsMax) {
        this.#out += ended ? this.#rewrite(this.#value) : this.#value;
        this.#value = undefined;
      }
    }
    if (ended) this.#state = this.#beforeName;
    return ended && this.#quote ? end + 1 : end;
  }

  #finish(at: number): number {
    this.#matched = 0;
    this.#state = rawTexts.has(this.#tag) ? this.#raw : this.#text;
    return at + 1;
  }

  #raw(text: string, at: number): number {
    if (this.#matched === 0) {
      const next = find(text, '<', at);
      if (next < text.length) this.#matched = 1;
      return next + 1;
    }
    const end = `</${this.#tag}`;
    const c = text[at]!;
    if (this.#matched < end.length && c.toLowerCase() === end[this.#matched]) {
      this.#matched++;
      return at + 1;
    }
    if (this.#matched === end.length && (c === '>' || c === '/' || isSpace(c))) this.#state = this.#skip;
    this.#matched = 0;
    return at;
  }
}
