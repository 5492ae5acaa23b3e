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

export function rewriteUrl(url: string, place: Place): string {
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

const isSpace = (c: string): boolean => c === ' ' || c === '\n' || c === '\t' || c === '\r' || c === '\f';
const isLetter = (c: string): boolean => (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

type State = (this: HtmlLinks, c: string) => void;

export class HtmlLinks {
  readonly #rewrite: (url: string) => string;
  #state: State = this.#text;
  #out = '';
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
    for (let i = 0; i < text.length; i++) {
      if (this.#state === this.#text || (this.#state === this.#raw && this.#matched === 0)) {
        const next = text.indexOf('<', i);
        if (next === -1) return this.#out + text.slice(i);
        this.#out += text.slice(i, next);
        i = next;
      }
      this.#state(text[i]!);
    }
    return this.#out;
  }

  end(): string {
    const rest = this.#value ?? '';
    this.#value = undefined;
    return rest;
  }

  #text(c: string): void {
    this.#out += c;
    if (c === '<') this.#state = this.#open;
  }

  #open(c: string): void {
    this.#out += c;
    if (isLetter(c)) {
      this.#tag = c.toLowerCase();
      this.#state = this.#tagName;
    } else if (c === '!') this.#state = this.#markup;
    else if (c === '/' || c === '?') this.#state = this.#skip;
    else if (c !== '<') this.#state = this.#text;
  }

  #markup(c: string): void {
    this.#out += c;
    this.#dashes = 0;
    this.#state = c === '-' ? this.#markupDash : c === '>' ? this.#text : this.#skip;
  }

  #markupDash(c: string): void {
    this.#out += c;
    this.#dashes = 2;
    this.#state = c === '-' ? this.#comment : c === '>' ? this.#text : this.#skip;
  }

  #comment(c: string): void {
    this.#out += c;
    if (c === '>' && this.#dashes >= 2) this.#state = this.#text;
    this.#dashes = c === '-' ? this.#dashes + 1 : 0;
  }

  #skip(c: string): void {
    this.#out += c;
    if (c === '>') this.#state = this.#text;
  }

  #tagName(c: string): void {
    if (isSpace(c) || c === '/' || c === '>') {
      this.#beforeName(c);
      return;
    }
    this.#out += c;
    if (this.#tag.length < nameUnitsMax) this.#tag += c.toLowerCase();
  }

  #beforeName(c: string): void {
    if (c === '>') {
      this.#finish(c);
      return;
    }
    this.#out += c;
    this.#state = this.#beforeName;
    if (isSpace(c) || c === '/') return;
    this.#attribute = c.toLowerCase();
    this.#state = this.#name;
  }

  #name(c: string): void {
    if (isSpace(c) || c === '/' || c === '>' || c === '=') {
      this.#afterName(c);
      return;
    }
    this.#out += c;
    if (this.#attribute.length < nameUnitsMax) this.#attribute += c.toLowerCase();
  }

  #afterName(c: string): void {
    if (c !== '=') {
      if (!isSpace(c)) {
        this.#beforeName(c);
        return;
      }
      this.#out += c;
      this.#state = this.#afterName;
      return;
    }
    this.#out += c;
    this.#state = this.#beforeValue;
  }

  #beforeValue(c: string): void {
    if (isSpace(c)) {
      this.#out += c;
      return;
    }
    if (c === '>') {
      this.#finish(c);
      return;
    }
    this.#state = this.#inValue;
    this.#value =
      Object.hasOwn(linkAttributes, this.#tag) && linkAttributes[this.#tag]!.includes(this.#attribute) ? '' : undefined;
    this.#quote = c === '"' || c === "'" ? c : '';
    if (this.#quote) this.#out += c;
    else this.#inValue(c);
  }

  #inValue(c: string): void {
    if (this.#quote ? c === this.#quote : isSpace(c) || c === '>') {
      if (this.#value !== undefined) this.#out += this.#rewrite(this.#value);
      this.#value = undefined;
      if (!this.#quote) {
        this.#beforeName(c);
        return;
      }
      this.#out += c;
      this.#state = this.#beforeName;
      return;
    }
    if (this.#value === undefined) this.#out += c;
    else {
      this.#value += c;
      if (this.#value.length <= valueUnitsMax) return;
      this.#out += this.#value;
      this.#value = undefined;
    }
  }

  #finish(c: string): void {
    this.#out += c;
    this.#matched = 0;
    this.#state = rawTexts.has(this.#tag) ? this.#raw : this.#text;
  }

  #raw(c: string): void {
    const end = `</${this.#tag}`;
    this.#out += c;
    if (this.#matched === end.length) {
      this.#matched = 0;
      if (c === '>') this.#state = this.#text;
      else if (isSpace(c) || c === '/') this.#state = this.#skip;
      if (this.#state !== this.#raw) return;
    }
    if (c.toLowerCase() === end[this.#matched]) this.#matched++;
    else this.#matched = c === '<' ? 1 : 0;
  }
}
