// DELETE of a collection: what is listed is deleted, page by page, and listed in the answer as it was before. Neither the
// objects nor the answer are held whole: what is long is read again for the answer, at the revision of the list.
import { CompactedError, type Entry } from '../../ledger/types.ts';
import { ApiError } from '../../machinery/errors.ts';
import type { HttpAnswer } from '../../machinery/http.ts';
import { listResponse, takeShort } from '../negotiation/list-response.ts';
import { decode } from '../storage/codec.ts';
import type { Form } from '../storage/forms.ts';
import { formOf, type RestRequest } from './context.ts';
import { type DeleteOptions, deleteObject } from './delete.ts';
import { list, listHead } from './list.ts';
import type { Selection } from './pages.ts';
import { parseListOptions } from './revision.ts';
import { matchesEntry, rowSelector } from './select.ts';
import { readDeleteOptions } from './write.ts';

/** What shares a commit: objects, and bytes of their values, each of which is held several times over meanwhile. */
const pageRows = 100;
const pageBytesMax = 1024 * 1024;
const form: Form = { type: 'object' };

/** Deletes what the selectors select, at most `limit` of it. Answers with the list of what it found. */
export async function deleteCollection(rest: RestRequest): Promise<HttpAnswer> {
  const { core, definition, info } = rest;
  const { answer } = formOf(rest);
  const options = await readDeleteOptions(rest);
  const listOptions = parseListOptions(rest.url.searchParams, false);
  const selector = rowSelector(definition, listOptions.labelSelector, listOptions.fieldSelector);
  const { selection, metadata, pages, again } = list(core, definition, info.namespace, selector, listOptions, form);
  const listed = takeShort(pages);
  const warnings: string[] = [];
  for (const page of present(rest, selection)) await deletePage(rest, page, options, warnings);
  const head = listHead(definition, form, { ...metadata, resourceVersion: String(core.ledger.revision) });
  const respond = (read: () => Iterator<string>) =>
    listResponse({ ...head, pages: read(), again: read }, { ...answer, warnings }, rest.reading);
  try {
    return respond(() => listed?.values() ?? again());
  } catch (error) {
    // So much was deleted that the history of what it was is gone.
    if (error instanceof CompactedError) return respond(() => [].values());
    throw error;
  }
}

/** What is there now of what was listed: nothing that was made since. */
function* present({ core }: RestRequest, { range, only, selector, at, ...from }: Selection): Generator<Entry[]> {
  const within = only === undefined ? range : { start: only, end: `${only}\0` };
  for (let { after } = from; ; ) {
    const page = core.ledger.range({
      ...within,
      ...(selector.tag === undefined ? {} : { tag: selector.tag }),
      ...(after === undefined ? {} : { after }),
      limit: pageRows,
      bytesMax: pageBytesMax,
    });
    after = page.entries.at(-1)?.key;
    yield page.entries.filter((entry) => entry.createRevision <= at && matchesEntry(selector, entry));
    if (!page.more) return;
  }
}

/** In one commit. What somebody else has deleted meanwhile is no error. */
async function deletePage(
  { core, definition, user }: RestRequest,
  entries: readonly Entry[],
  { dryRun, ...options }: DeleteOptions & { dryRun: boolean },
  warnings: string[],
): Promise<void> {
  const results = await Promise.all(
    entries.map((entry) => {
      const { uid, name, namespace = '' } = decode(definition, entry.value).metadata;
      return core.ledger
        .commit((tx) => {
          const stored = core.registry.stored(definition);
          const scope = {
            core,
            tx,
            user,
            definition: stored,
            requested: definition,
            namespace,
            name,
            dryRun,
            warnings,
          };
          // Another object of the same name is not meant.
          deleteObject(scope, { ...options, uid: options.uid ?? uid });
          return undefined;
        })
        .catch((error: unknown) => error);
    }),
  );
  for (const error of results)
    if (error !== undefined && !(error instanceof ApiError && error.reason === 'NotFound')) throw error;
}
