// Written by `npm run gen`; do not edit.
// All scheduler plugins: the default export of each file.
export const schedulerPlugins = [
] as const;
