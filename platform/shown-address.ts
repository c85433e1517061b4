/**
 * The address of a server as a terminal may show it: without a password, and without parameters but `host`, in which
 * PostgreSQL's clients take the folder of a socket.
 */
export function shownAddress(address: string): string {
  if (URL.canParse(address)) {
    const url = new URL(address);
    url.password = '';
    url.search = hostOnly(url.search);
    url.hash = '';
    return url.href;
  }
  // Clients read more than URL does, such as a user before no host. What goes before the last @ may be a password.
  const masked = address.replace(/\/\/.*@/s, '//…@');
  const end = masked.search(/[?#]/);
  return end < 0 ? masked : masked.slice(0, end) + hostOnly(masked.slice(end));
}

function hostOnly(parameters: string): string {
  const host = new URLSearchParams(parameters.replace(/^[?#]/, '')).get('host');
  return host === null ? '' : `?host=${host}`;
}
