// What was found out about texts that come again and again, such as tokens, within a bound of characters. What was put in
// first goes first. Nothing in it ends by itself: whoever uses it holds it against the present.
export class Remembered<Value> {
  readonly #charsMax: number;
  readonly #values = new Map<string, Value>();
  #chars = 0;

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  get(text: string): Value | undefined {
    return this.#values.get(text);
  }

  set(text: string, value: Value): void {
    if (!this.#values.has(text)) this.#chars += text.length;
    this.#values.set(text, value);
    for (const first of this.#values.keys()) {
      if (this.#chars <= this.#charsMax) return;
      this.#values.delete(first);
      this.#chars -= first.length;
    }
  }

  clear(): void {
    this.#values.clear();
    this.#chars = 0;
  }

  get size(): number {
    return this.#values.size;
  }
}
