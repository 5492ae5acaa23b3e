// Seeds that found a bug, and which: always run, besides those that are asked for. The steps they ran with belong to them.
export interface KnownSeed {
  seed: number;
  steps: number;
  found: string;
}

export const knownSeeds: readonly KnownSeed[] = [];
