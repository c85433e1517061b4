/**
 * Functions that write values as text, or read them back, do so in one way, whatever the caller's session is set to:
 * days in the bounds of partitions, and what a captured row becomes in a payload.
 */
export const fixSettings = `
  alter function :schema:.outbox_partitions() set datestyle = 'ISO, YMD' set timezone = 'UTC';
  alter function :schema:.outbox_add_partition(date) set datestyle = 'ISO, YMD' set timezone = 'UTC';
  alter function :schema:.outbox_drop_partition(text, timestamptz) set datestyle = 'ISO, YMD' set timezone = 'UTC';
  alter function :schema:.outbox_capture()
    set datestyle = 'ISO, YMD' set intervalstyle = 'postgres' set bytea_output = 'hex' set extra_float_digits = 1;
`;
