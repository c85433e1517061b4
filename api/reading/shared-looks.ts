/**
 * One look at the database at a time for all who ask: who comes while one is under way is in the next, so that each
 * sees what was committed before it asked, and the database is asked as often for a hundred of them as for two.
 */
export function oneLookAtATime<Key, Found>(
  look: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Found>>,
): (key: Key) => Promise<Found | undefined> {
  let coming: { readonly keys: Set<Key>; readonly found: Promise<ReadonlyMap<Key, Found>> } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function announce(): NonNullable<typeof coming> {
    const keys = new Set<Key>();
    const found = last.then(() => {
      coming = undefined;
      return look([...keys]);
    });
    // Those who wait for it are told that it failed; the next one is another matter.
    last = found.catch(() => undefined);
    return { keys, found };
  }
  return async (key) => {
    coming ??= announce();
    coming.keys.add(key);
    return (await coming.found).get(key);
  };
}

/** Who asks while a look is under way shares it, and may see what was there a moment before. */
export function sharedLook<Found>(look: () => Promise<Found>): () => Promise<Found> {
  let underWay: Promise<Found> | undefined;
  return () =>
    (underWay ??= look().finally(() => {
      underWay = undefined;
    }));
}
