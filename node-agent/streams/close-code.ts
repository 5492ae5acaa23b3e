/** A WebSocket's code that may be sent as it is; others (1005: there was none, 1006: there was no end) stand for an error. */
export const sendableCode = (code: number): number =>
  (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999) ? code : 1011;
