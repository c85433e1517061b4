/** What a new stack has to sell. Prices in minor units. */
export const demoProducts = [
  { sku: 'COFFEE-1KG', name: 'Coffee beans, 1 kg', priceMinor: 1_890, currency: 'EUR', onHand: 10_000 },
  { sku: 'TEA-250G', name: 'Green tea, 250 g', priceMinor: 1_250, currency: 'EUR', onHand: 10_000 },
  { sku: 'GRINDER', name: 'Hand grinder', priceMinor: 8_900, currency: 'EUR', onHand: 500 },
  { sku: 'KETTLE', name: 'Gooseneck kettle', priceMinor: 6_450, currency: 'EUR', onHand: 300 },
  { sku: 'LAST-CUP', name: 'The last ten cups', priceMinor: 1_500, currency: 'EUR', onHand: 10 },
] as const;
