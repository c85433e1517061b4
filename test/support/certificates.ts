import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A key pair as files and as text; the authority's has no private key to tell. */
export interface KeyPair {
  readonly certPath: string;
  readonly keyPath: string;
  readonly cert: string;
  readonly key: string;
}

/** An authority that signs certificates for a test, in a folder that `remove` takes away. */
export interface Authority {
  readonly caPath: string;
  readonly ca: string;
  /** @param name DNS name in the certificate @param days how long it is valid; negative: it has expired */
  sign(name: string, days?: number): Promise<KeyPair>;
  remove(): Promise<void>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** By the openssl command, which Node's own crypto cannot replace: it signs no certificates. */
export async function createAuthority(): Promise<Authority> {
  const dir = await mkdtemp(join(tmpdir(), 'certificates-'));
  const at = (name: string): string => join(dir, name);
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: dir });
  await openssl(
    ...['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem'],
    ...['-subj', '/CN=authority', '-days', '2', '-addext', 'basicConstraints=critical,CA:TRUE'],
  );
  let serial = 1;
  return {
    caPath: at('ca.pem'),
    ca: await readFile(at('ca.pem'), 'utf8'),
    sign: async (name, days = 1) => {
      const file = `${name}-${serial++}`;
      await openssl(
        ...['req', ...NEW_KEY, '-keyout', `${file}.key`, '-out', `${file}.csr`, '-subj', `/CN=${name}`],
        ...['-addext', `subjectAltName=DNS:${name}`],
      );
      await openssl(
        ...['x509', '-req', '-in', `${file}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key'],
        ...['-set_serial', String(serial), '-copy_extensions', 'copy', '-out', `${file}.pem`],
        ...['-days', String(days)],
      );
      const [certPath, keyPath] = [at(`${file}.pem`), at(`${file}.key`)];
      return {
        certPath,
        keyPath,
        cert: await readFile(certPath, 'utf8'),
        key: await readFile(keyPath, 'utf8'),
      };
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
