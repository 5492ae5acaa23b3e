// Whether tolerations cover a taint: k8s.io/component-helpers/scheduling/corev1.
import type { Taint, Toleration } from '../generated/schemas/core-v1.ts';

export function tolerates(
  tolerations: readonly Toleration[] | undefined,
  taint: Pick<Taint, 'key' | 'value' | 'effect'>,
): boolean {
  return (tolerations ?? []).some((toleration) => covers(toleration, taint));
}

function covers(toleration: Toleration, taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? 'Equal') {
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    case 'Gt':
    case 'Lt': {
      const left = wholeNumber(taint.value);
      const right = wholeNumber(toleration.value);
      if (left === undefined || right === undefined) return false;
      return toleration.operator === 'Gt' ? left > right : left < right;
    }
    default:
      return false;
  }
}

function wholeNumber(text: string | undefined): bigint | undefined {
  return text !== undefined && /^(0|-?[1-9][0-9]{0,18})$/.test(text) ? BigInt(text) : undefined;
}
