// Patches of JSON documents. Each returns a new document and throws nothing but ApiError.
export { goText } from './go-text.ts';
export { applyJsonPatch, jsonKind, unknownMembers } from './json.ts';
export { jsonPatchedText, mergedText } from './left-text.ts';
export { applyMergePatch, copyJson } from './merge.ts';
export { applyStrategicMergePatch } from './strategic.ts';
