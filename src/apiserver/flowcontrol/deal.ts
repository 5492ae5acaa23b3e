// Shuffle sharding: every flow is dealt a hand of queues, always the same, by a hash of its name. Two flows seldom share
// their whole hand, so that a heavy flow that fills its queues leaves the others a queue that is not full.

/** `handSize` different numbers below `deckSize`, in no particular order. */
export function deal(flow: string, deckSize: number, handSize: number): number[] {
  const next = stream(flow);
  // Kept in order: the n-th card among those left lies as many places higher as dealt ones lie below it.
  const hand: number[] = [];
  for (let dealt = 0; dealt < handSize; dealt++) {
    let card = Math.floor(next() * (deckSize - dealt));
    let place = 0;
    while (place < hand.length && card >= (hand[place] as number)) {
      card++;
      place++;
    }
    hand.splice(place, 0, card);
  }
  return hand;
}

/** Numbers in [0, 1) that follow from the text: two 32-bit hashes seed a small generator. */
function stream(text: string): () => number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x9e3779b1);
    b = Math.imul(b ^ code, 0x5f356495);
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  return () => {
    a = (a + 0x9e3779b9) | 0;
    b = (Math.imul(b ^ a, 0x85ebca6b) + 0x632be5ab) | 0;
    let mixed = Math.imul(a ^ (a >>> 16) ^ b, 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
