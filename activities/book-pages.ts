/** Asks an outside system for one page of its books: payment entries or parcels, the oldest first. */
export interface BookQuery {
  /** Lists what was booked or has changed at this time or later, by the outside system's clock. Absent: everything. */
  readonly since?: Date;
  /** Continues behind the page that returned it; `since` stays the same. */
  readonly cursor?: string;
  /** Most entries of the page; the answer may hold fewer. */
  readonly limit: number;
}

export interface BookPage<Entry> {
  readonly entries: readonly Entry[];
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string;
}

/** How a simulated outside system lists its books. */
export interface SimulatedListing {
  /** How long it takes to answer, in ms. */
  readonly latencyMs: number;
  /** What a demonstration or a fault test may turn while the process runs. Absent: it never fails. */
  readonly faults?: Readonly<ListingFaults>;
  readonly random?: () => number;
}

export interface ListingFaults {
  /** Share of pages that are not available, 0 to 1. */
  failureRate: number;
}
