// Divides a number of seats among classes in proportion to their targets, each within its bounds: the one proportion p is
// found for which the sum of all clamp(p × target) is what there is to divide.

export interface Class {
  lower: number;
  upper: number;
  target: number;
}

/** Nothing is divided by zero. */
const targetMin = 0.001;

/** Where the bounds admit no solution, all are at the bound that is nearest. */
export function allocate(total: number, classes: readonly Class[]): number[] {
  const targets = classes.map(({ target }) => Math.max(target, targetMin));
  const at = (proportion: number): number[] =>
    classes.map(({ lower, upper }, i) => Math.max(lower, Math.min(upper, proportion * (targets[i] as number))));
  const sum = (proportion: number): number => at(proportion).reduce((all, one) => all + one, 0);
  // Between these the sum is a straight line.
  const bends = classes
    .flatMap(({ lower, upper }, i) => [lower / (targets[i] as number), upper / (targets[i] as number)])
    .sort((a, b) => a - b);
  let before = 0;
  for (const bend of bends) {
    const reached = sum(bend);
    if (reached < total) {
      before = bend;
      continue;
    }
    const from = sum(before);
    return reached > from ? at(before + ((bend - before) * Math.max(0, total - from)) / (reached - from)) : at(bend);
  }
  return at(before);
}
