// From FlowSchema and PriorityLevelConfiguration objects to what requests are classified and limited by. Everything is read
// anew after each change; levels live on under their name, with whoever waits there. The mandatory objects hold even while
// they do not exist; a schema whose level is missing counts as absent.
import type { FlowSchema, FlowSchemaSpec, PriorityLevelConfiguration } from '../../generated/schemas/flowcontrol-v1.ts';
import type { Clock } from '../../ports/index.ts';
import { adjust } from './borrowing.ts';
import { Classifier, type Schema } from './classify.ts';
import { Level, responseOf } from './level.ts';
import { Tally } from './tally.ts';

export interface BoundSchema extends Schema {
  readonly uid: string;
  readonly level: Level;
  readonly tally: Tally;
}

/** What cannot be missing: definitions' own bootstrap objects. */
export interface Mandatory {
  flowSchemas: readonly { name: string; spec: FlowSchemaSpec }[];
  levels: readonly { name: string; spec: PriorityLevelConfiguration['spec'] }[];
}

export class Configuration {
  readonly levels = new Map<string, Level>();
  classifier = new Classifier<BoundSchema>([]);
  /** Of requests that nothing matches. */
  catchAll: BoundSchema | undefined;
  readonly #clock: Clock;
  readonly #later: (delayMs: number, then: () => void) => void;
  readonly #seatsTotal: number;
  readonly #mandatory: Mandatory;

  constructor(options: {
    clock: Clock;
    later: (delayMs: number, then: () => void) => void;
    seatsTotal: number;
    mandatory: Mandatory;
  }) {
    this.#clock = options.clock;
    this.#later = options.later;
    this.#seatsTotal = options.seatsTotal;
    this.#mandatory = options.mandatory;
  }

  load(flowSchemas: readonly FlowSchema[], levels: readonly PriorityLevelConfiguration[]): void {
    this.#loadLevels(levels);
    const present = flowSchemas.flatMap(({ metadata, spec }) => this.#bind(metadata.name, metadata.uid, spec));
    const names = new Set(present.map(({ name }) => name));
    const imagined = this.#mandatory.flowSchemas
      .filter(({ name }) => !names.has(name))
      .flatMap(({ name, spec }) => this.#bind(name, '', spec));
    const schemas = [...present, ...imagined];
    this.classifier = new Classifier(schemas);
    this.catchAll = schemas.find(({ name }) => name === 'catch-all');
    this.adjust();
  }

  /** Lets levels lend and borrow by what they used since the last time. */
  adjust(): void {
    for (const [name, level] of this.levels) if (level.quiescing && level.queues.idle) this.levels.delete(name);
    const shares = [...this.levels.values()].reduce((sum, level) => sum + level.shares, 0);
    for (const level of this.levels.values()) level.divide(this.#seatsTotal, shares);
    adjust(this.levels.values(), this.#clock.now());
  }

  /** Whether there is such a level, for schemas to refer to. */
  has(level: string): boolean {
    return this.levels.get(level)?.quiescing === false;
  }

  #loadLevels(levels: readonly PriorityLevelConfiguration[]): void {
    for (const level of this.levels.values()) level.quiescing = true;
    for (const { metadata, spec } of levels) this.#configure(metadata.name, metadata.uid, spec);
    for (const { name, spec } of this.#mandatory.levels) if (!this.has(name)) this.#configure(name, '', spec);
  }

  #configure(name: string, uid: string, spec: PriorityLevelConfiguration['spec']): void {
    const response = spec && responseOf(name, spec);
    if (!response) return;
    const level = this.levels.get(name) ?? new Level(name, this.#clock, this.#later);
    level.configure(uid, spec, response);
    this.levels.set(name, level);
  }

  #bind(name: string, uid: string, spec: FlowSchemaSpec): BoundSchema[] {
    const wanted = spec?.priorityLevelConfiguration?.name ?? '';
    const level = this.has(wanted) ? this.levels.get(wanted) : undefined;
    if (!level) return [];
    const tally = level.tallies.get(name) ?? new Tally();
    level.tallies.set(name, tally);
    return [{ name, uid, spec, level, tally }];
  }
}
