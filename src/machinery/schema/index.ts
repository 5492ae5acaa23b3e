// The schema engine: bodies in, canonical JSON objects out. Everything takes the tables as arguments.
export { type Coerced, coerce, strictProblems } from './coerce.ts';
export { type Decoded, decodeJson, decodeUtf8 } from './json.ts';
export { decodeProtobuf, isProtobuf } from './protobuf.ts';
export { encodeProtobuf, ProtobufWriter, protobufWriter, watchFrame } from './protobuf-writer.ts';
export type { ProtobufTable, SchemaTable, TableField, TableType } from './table.ts';
export { type Field, goType, Schemas, type StructType, type Type } from './types.ts';
export { decodeYaml } from './yaml.ts';
