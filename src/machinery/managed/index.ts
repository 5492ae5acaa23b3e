// Managed fields: who owns which field of an object, kept as Kubernetes keeps it (structured-merge-diff and apimachinery's
// managedfields), and server-side apply over them.
export { type Applied, apply } from './apply.ts';
export { fieldElement } from './element.ts';
export { isReset, sameButForTimes } from './entries.ts';
export { type Fields, single, union } from './fields.ts';
export { parentEntries, scaleEntries } from './scale.ts';
export { type MapShape, Shapes } from './shape.ts';
export { track } from './track.ts';
export type { Json, ManagedType, ManagedWrite, ResetFields, VersionView } from './write.ts';
