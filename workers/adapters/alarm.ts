// The one alarm of a Durable Object. Guards against the runtime's trap: an alarm set inside `alarm()` to the time of the
// alarm that is running, or earlier, is lost for ever. Call `fired` first in the handler.
import type { Alarm } from '../../src/ports/index.ts';

export interface DurableAlarm extends Alarm {
  fired(info: AlarmInvocationInfo | undefined): void;
}

export function durableAlarm(storage: DurableObjectStorage, onError: (error: unknown) => void): DurableAlarm {
  let floorMs = 0;
  return {
    fired(info) {
      floorMs = Math.max(floorMs, (info?.scheduledTime ?? Date.now()) + 1);
    },
    set(atMs) {
      // Not awaited: it belongs to the transaction of this turn, and the output gate holds answers back until it is stored.
      const done = atMs === undefined ? storage.deleteAlarm() : storage.setAlarm(Math.max(Math.ceil(atMs), floorMs));
      done.catch(onError);
    },
  };
}
