// Patches of JSON documents. Each returns a new document and throws nothing but ApiError.
export { applyJsonPatch } from './json.ts';
export { applyMergePatch, copyJson } from './merge.ts';
export { applyStrategicMergePatch } from './strategic.ts';
