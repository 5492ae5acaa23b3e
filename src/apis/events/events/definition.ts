// events.k8s.io/v1 Event: the newer form of core/v1 Event, which is what is stored. Validation, which is stricter for what
// comes in this form, is the stored kind's.
import type { Event as CoreEvent } from '../../../generated/schemas/core-v1.ts';
import type { Event } from '../../../generated/schemas/events-v1.ts';
import { events, eventsV1 } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';

export default defineResource<Event>({
  ...eventsV1,
  singular: 'event',
  shortNames: ['ev'],
  schema: 'io.k8s.api.events.v1.Event',
  strategy: {},
  columns: [],
  conversion: {
    resource: events,
    toStored({
      regarding,
      note,
      reportingController,
      deprecatedSource,
      deprecatedFirstTimestamp,
      deprecatedLastTimestamp,
      deprecatedCount,
      ...same
    }): CoreEvent {
      return {
        ...same,
        involvedObject: regarding,
        message: note,
        reportingComponent: reportingController ?? '',
        source: deprecatedSource,
        firstTimestamp: deprecatedFirstTimestamp,
        lastTimestamp: deprecatedLastTimestamp,
        count: deprecatedCount,
      } as CoreEvent;
    },
    fromStored({
      involvedObject,
      message,
      reportingComponent,
      source,
      firstTimestamp,
      lastTimestamp,
      count,
      ...same
    }: CoreEvent): Event {
      return {
        ...same,
        regarding: involvedObject,
        note: message,
        reportingController: reportingComponent || undefined,
        reportingInstance: same.reportingInstance || undefined,
        deprecatedSource: source,
        deprecatedFirstTimestamp: firstTimestamp,
        deprecatedLastTimestamp: lastTimestamp,
        deprecatedCount: count,
      } as Event;
    },
    fieldLabels: {
      reason: 'reason',
      'regarding.kind': 'involvedObject.kind',
      'regarding.namespace': 'involvedObject.namespace',
      'regarding.name': 'involvedObject.name',
      'regarding.uid': 'involvedObject.uid',
      'regarding.apiVersion': 'involvedObject.apiVersion',
      'regarding.resourceVersion': 'involvedObject.resourceVersion',
      'regarding.fieldPath': 'involvedObject.fieldPath',
      reportingController: 'reportingComponent',
      type: 'type',
    },
  },
});
