/** How a captured or imported row becomes a payload, whatever the caller's session is set to. `UTC` besides. */
const payloadSettings = [
  "datestyle = 'ISO, YMD'",
  "intervalstyle = 'postgres'",
  "bytea_output = 'hex'",
  'extra_float_digits = 1',
];
const daySettings = "set datestyle = 'ISO, YMD' set timezone = 'UTC'";

/** Functions that write values as text, or read them back, do so in one way: days in the bounds of partitions, payloads. */
export const fixSettings = `
  alter function :schema:.outbox_partitions() ${daySettings};
  alter function :schema:.outbox_add_partition(date) ${daySettings};
  alter function :schema:.outbox_drop_partition(text, timestamptz) ${daySettings};
  alter function :schema:.outbox_capture() ${payloadSettings.map((setting) => `set ${setting}`).join(' ')};
`;

/** For a transaction that writes payloads as `outbox_capture` does. */
export const payloadsAsCaptured = ["timezone = 'UTC'", ...payloadSettings]
  .map((setting) => `set local ${setting}`)
  .join('; ');
