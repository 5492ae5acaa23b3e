// Durable objects in virtual time: each has storage that lasts, one alarm, and lives that end at any moment. What a life was
// doing when it ended goes nowhere: its timers do not fire, its writes are refused, its promises never settle.
// Calls between objects take time and carry copies. Under faults they get lost before or after they took effect, arrive
// late, or twice.
import type { Alarm, Log, Sql, Timers } from '../../src/ports/index.ts';
import type { SeededRandom, VirtualTime } from './time.ts';

/** Probabilities per call, 0 to 1. */
export interface Faults {
  lost: number;
  late: number;
  twice: number;
}

export const noFaults: Faults = { lost: 0, late: 0, twice: 0 };

export class World {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  faults: Faults = noFaults;
  calls = 0;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.time = time;
    this.random = random;
  }

  /** How long a message takes. */
  delayMs(): number {
    if (this.random.chance(this.faults.late)) return this.random.int(8_000);
    return this.random.int(4);
  }

  lost(): boolean {
    return this.random.chance(this.faults.lost);
  }
}

/** One life of an object or a process. */
export class Life {
  #alive = true;
  readonly #onEnd = new Set<() => void>();
  readonly timers: Timers;
  readonly name: string;

  constructor(name: string, time: VirtualTime) {
    this.name = name;
    this.timers = {
      now: () => time.now(),
      after: (delayMs, callback) => time.after(delayMs, () => this.#alive && callback()),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const told of [...this.#onEnd]) told();
  }

  /** Calls `told` when this life ends; the result takes that back. */
  onEnd(told: () => void): () => void {
    this.#onEnd.add(told);
    return () => this.#onEnd.delete(told);
  }

  /** What a promise brings arrives only in this life. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) =>
      promise.then(
        (value) => this.#alive && resolve(value),
        (error) => this.#alive && reject(error),
      ),
    );
  }

  /** The same object as seen from this life: afterwards its methods do nothing, and never answer. */
  wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, key) => {
        const value = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (!this.#alive) return new Promise(() => undefined);
          const result = value.apply(target, args);
          return result instanceof Promise ? this.guard(result) : result;
        };
      },
    });
  }

  sql(sql: Sql): Sql {
    const check = (): void => {
      if (!this.#alive) throw new Error(`${this.name}: this life is over`);
    };
    return {
      exec: (statement, ...bindings) => {
        check();
        return sql.exec(statement, ...bindings);
      },
      transaction: (work) => {
        check();
        return sql.transaction(work);
      },
    };
  }

  log(log: Log): Log {
    const when =
      (level: keyof Log): Log['info'] =>
      (message, fields) => {
        if (this.#alive) log[level](message, fields);
      };
    return { debug: when('debug'), info: when('info'), warn: when('warn'), error: when('error') };
  }
}

export interface Instance {
  alarm(): Promise<void>;
}

/** A call that broke off: whether it took effect is not known. */
export class Disconnected extends Error {
  constructor(what: string) {
    super(`disconnected: ${what}`);
  }
}

const senders = new WeakMap<Response, Life>();
/** The life that sends this response's body. */
export const senderOf = (response: Response): Life | undefined => senders.get(response);

const alarmRetryMs = 2_000;
const attemptsMax = 4;

export class DurableHost<T extends Instance> {
  readonly name: string;
  readonly #world: World;
  readonly #create: (life: Life, alarm: Alarm) => { instance: T; ready?: Promise<void> };
  #current: { life: Life; instance: T; ready: Promise<void> } | undefined;
  #alarmMs: number | undefined;
  #cancelAlarm: (() => void) | undefined;
  #ringing = false;
  lives = 0;
  alarms = 0;

  constructor(
    world: World,
    name: string,
    create: (life: Life, alarm: Alarm) => { instance: T; ready?: Promise<void> },
  ) {
    this.#world = world;
    this.name = name;
    this.#create = create;
  }

  /** What the alarm is set to. */
  get alarmMs(): number | undefined {
    return this.#alarmMs;
  }

  /** The instance, made when there is none. */
  enter(): { life: Life; instance: T; ready: Promise<void> } {
    if (!this.#current) {
      this.lives++;
      const life = new Life(this.name, this.#world.time);
      const alarm: Alarm = { set: (atMs) => life.alive && this.#setAlarm(atMs) };
      const { instance, ready = Promise.resolve() } = this.#create(life, alarm);
      this.#current = { life, instance, ready };
    }
    return this.#current;
  }

  /** Ends the current life, wherever it is. */
  evict(): void {
    const over = this.#current;
    this.#current = undefined;
    over?.life.end();
    if (this.#ringing) {
      this.#ringing = false;
      this.#setAlarm(Math.min(this.#alarmMs ?? Number.POSITIVE_INFINITY, this.#world.time.now() + alarmRetryMs));
    }
  }

  #setAlarm(atMs: number | undefined): void {
    this.#alarmMs = atMs;
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
    if (atMs === undefined) return;
    this.#cancelAlarm = this.#world.time.after(atMs - this.#world.time.now(), () => this.#ring());
  }

  #ring(): void {
    // One at a time: what is set meanwhile rings afterwards.
    if (this.#ringing) return;
    this.#alarmMs = undefined;
    this.#ringing = true;
    this.alarms++;
    const { life, instance, ready } = this.enter();
    const over = (failed: boolean): void => {
      if (!life.alive) return;
      this.#ringing = false;
      if (failed) this.#setAlarm(Math.min(this.#alarmMs ?? Number.POSITIVE_INFINITY, life.timers.now() + alarmRetryMs));
      else if (this.#alarmMs !== undefined) this.#setAlarm(this.#alarmMs);
    };
    ready
      .then(() => instance.alarm())
      .then(
        () => over(false),
        () => over(true),
      );
  }

  /** A call from another object or process, as stubs make it: repeated where that is harmless. */
  async call<R>(from: Life, what: string, work: (instance: T) => R | Promise<R>, idempotent = false): Promise<R> {
    const { time, random, faults } = this.#world;
    if (idempotent && random.chance(faults.twice)) void this.#once(from, what, work).catch(() => undefined);
    for (let attempt = 1; ; attempt++) {
      try {
        return await from.guard(this.#once(from, what, work));
      } catch (error) {
        if (!(error instanceof Disconnected && idempotent) || attempt >= attemptsMax) throw error;
        await from.guard(time.sleep(20 * 2 ** attempt * (0.5 + random.float())));
      }
    }
  }

  #once<R>(from: Life, what: string, work: (instance: T) => R | Promise<R>): Promise<R> {
    const { time } = this.#world;
    this.#world.calls++;
    return new Promise<R>((resolve, reject) => {
      const broken = (why: string): void => {
        time.after(this.#world.delayMs(), () => reject(new Disconnected(`${this.name}.${what}: ${why}`)));
      };
      if (this.#world.lost()) return broken('the request was lost');
      time.after(this.#world.delayMs(), () => {
        if (!from.alive) return;
        const { life, instance, ready } = this.enter();
        const forget = life.onEnd(() => broken('the object was reset'));
        const done = (settle: () => void): void => {
          if (!life.alive) return;
          forget();
          if (this.#world.lost()) broken('the answer was lost');
          else time.after(this.#world.delayMs(), settle);
        };
        ready
          .then(() => work(instance))
          .then(
            (value) => {
              if (!(value instanceof Response)) {
                const copy = structuredClone(value);
                done(() => resolve(copy as R));
                return;
              }
              // Its body may go on for long, and breaks off with the life that sends it.
              senders.set(value, life);
              done(() => (life.alive ? resolve(value) : reject(new Disconnected(`${this.name}.${what}`))));
            },
            // An error's class does not survive a call.
            (error) => done(() => reject(new Error(error instanceof Error ? error.message : String(error)))),
          );
      });
    });
  }
}
