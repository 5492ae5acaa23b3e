// The file of `--config`: read, checked, and kept in the state directory as JSON, so that a later `up` without it changes
// nothing. What it may say is src/configuration's.
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { certificateAuthorities, certificatesIn } from '../configuration/certificate-authorities.ts';
import { type Configuration, readConfiguration } from '../configuration/configuration.ts';
import { readFile } from './api.ts';
import { CliError } from './errors.ts';
import type { StatePaths } from './paths.ts';

/** What a file of `--config` says, and what would be kept of it. */
export interface OfferedConfiguration {
  text: string;
  configuration: Configuration;
}

/** Throws CliError, one line for each thing that is wrong. Keeps nothing yet; an empty file takes everything back. */
export function offeredConfiguration(file: string): OfferedConfiguration {
  const documents: unknown[] = [];
  try {
    for (const document of parseAllDocuments(readFile(file))) {
      if ('errors' in document && document.errors[0]) throw document.errors[0];
      documents.push(document.toJS());
    }
    const configuration = readConfiguration(documents);
    requireCertificates(configuration);
    return { text: JSON.stringify(documents), configuration };
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(`${file}:\n${(error as Error).message}`);
  }
}

/** Once nothing speaks against it: what was kept before may hold the only copy of a key. */
export function keepConfiguration(paths: StatePaths, { text }: OfferedConfiguration): void {
  fs.writeFileSync(`${paths.configuration}.new`, text, { mode: 0o600 });
  fs.renameSync(`${paths.configuration}.new`, paths.configuration);
}

/** workerd does not start with an authority that it cannot read. Throws CliError. */
function requireCertificates(configuration: Configuration): void {
  for (const bundle of certificateAuthorities(configuration))
    for (const pem of certificatesIn(bundle))
      try {
        new X509Certificate(pem);
      } catch (error) {
        throw new CliError(`certificateAuthority: ${(error as Error).message}:\n${pem}`);
      }
}

/** What is kept: JSON, a list of configuration objects. */
export function configurationText(paths: StatePaths): string {
  return fs.existsSync(paths.configuration) ? fs.readFileSync(paths.configuration, 'utf8') : '[]';
}

/** Throws CliError: what is kept was checked by another version. */
export function keptConfiguration(paths: StatePaths): Configuration {
  try {
    return readConfiguration(JSON.parse(configurationText(paths)) as unknown[]);
  } catch (error) {
    throw new CliError(`${paths.configuration}:\n${(error as Error).message}`);
  }
}
