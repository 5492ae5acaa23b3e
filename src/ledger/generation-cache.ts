// What was used last, within a bound. Two generations: what is used is in the young one; when that has grown to half of what
// may be held, it becomes the old one, and what nobody asked for since is let go with the old one before it.

export class GenerationCache<K, V> {
  readonly #generationMax: number;
  readonly #unitsOf: (key: K, value: V) => number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  /** Of the young generation; what is overwritten counts until it ends. */
  #units = 0;

  /** `max`: units held at most, as `unitsOf` counts them. */
  constructor(max: number, unitsOf: (key: K, value: V) => number) {
    this.#generationMax = max / 2;
    this.#unitsOf = unitsOf;
  }

  /** Undefined: not known. */
  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    const units = this.#unitsOf(key, value);
    if (this.#units + units > this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#units = 0;
    }
    this.#young.set(key, value);
    this.#units += units;
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#units = 0;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
